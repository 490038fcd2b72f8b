import type { SystemCard } from '@pith/core'

/** What the compressed caches are, where they come from and what backs their claims. */
export const card: SystemCard = {
  id: 'cachegen',
  title: 'CacheGen: caches of keys and values as small files',
  paper: {
    title: 'CacheGen: KV Cache Compression and Streaming for Fast Large Language Model Serving',
    arxiv: '2310.07240',
    year: 2023,
  },
  summary:
    'What a language model keeps of a text, several times smaller than at 8 bits at a loss that is measured, in files of which tokens, layers, keys or values are read alone.',
  entryPoints: [
    'pith kv profile --model M --text train.txt -o M.kvp',
    'pith kv encode --model M --profile M.kvp --text doc.txt -o doc.pith',
    'pith kv bench --model M --text doc.txt',
    "import { encodeKv, fitProfile, KvFile } from '@pith/kv/cachegen'",
  ],
  differences: [
    'Positions are taken out of keys before they are coded, and put back for the positions that are read.',
    'No anchors and differences between tokens, unless the preset anchor asks for them: each number, or each component of a basis over one layer or all layers, has a step of its own.',
    'Numbers are coded by 64 classes of tables that belong to the model; the released code ships a table for each channel with each chunk, 2 bits a number at 256 tokens.',
    'The step is searched by what it costs on texts; the released code has one table of bins for the names of a few models.',
    'The first tokens of a text, which are far from all others, are kept at 8 bits.',
    'All integers: the same bytes and numbers on every machine, and nothing in a file is run.',
  ],
  benchmark: 'kv',
}
