import type { SystemCard } from '@pith/core'

/** What the prefix store is, and what backs its claims. */
export const card: SystemCard = {
  id: 'prefix-store',
  title: 'Prefix store: beginnings of texts that a model reads once',
  summary:
    'Keys and values of the beginnings of texts, kept by their content in folders and on Redis, so that a model reads only what is new. Nothing of another model, tokenizer or owner is ever found, and a store that fails costs time, not answers.',
  entryPoints: [
    'pith kv store ls',
    'pith kv store verify --fix',
    "import { PrefixStore, rawCoder } from '@pith/kv/store'",
    "import { openPrefixStore } from '@pith/kv/store/node'",
    'lm.generate(prompt, { cache: store })',
  ],
  differences: [
    'After the stores of LMCache and vLLM; there is no paper.',
    'A key covers the model, its tokenizer, its arithmetic, the length of chunks and a salt of the owner, beside all tokens up to the end of its chunk.',
    'Each value says what it is of, and is checked against what is asked for: tokens, position, key, model, checksums.',
    'Numbers are kept as they are unless a coder that loses something is named; how a value is coded stands in its name.',
    'What was not used for longest goes first, and ends of texts before their beginnings.',
  ],
  benchmark: 'kv',
}
