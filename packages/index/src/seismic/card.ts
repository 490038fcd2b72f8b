import type { SystemCard } from '@pith/core'

/** What Seismic is, where it comes from and what backs its claims. */
export const card: SystemCard = {
  id: 'seismic',
  title: 'Seismic: learned-sparse vectors found through blocks of similar rows',
  paper: {
    title: 'Efficient Inverted Indexes for Approximate Retrieval over Learned Sparse Representations',
    arxiv: '2404.18812',
    year: 2024,
  },
  summary:
    'Searches vectors of SPLADE-like models: lists keep their largest entries, cut into blocks of similar rows with summaries that tell which blocks are worth a look; the rows themselves stay whole, in 8 bits a value.',
  entryPoints: [
    'pith index build docs.jsonl -o x.pith --sparse documents',
    "import { buildSeismic, tuneSeismic } from '@pith/index/seismic'",
  ],
  differences: [
    'Blocks of all visited lists are looked at from the most promising on, not list by list.',
    'A row begins with its 20 largest components in one line of memory; the others are read only where these promise enough.',
    'Summaries are hash tables by component for up to 256 blocks, with the codes of the rows instead of a scale of their own.',
    'What a step will read is touched first, so that waiting for memory overlaps.',
    'Lists are pruned by a share of all entries (keep), which holds for any number of rows.',
    'Queries in 8 bits, sums in integers; the best rows are scored again with the query as it is.',
  ],
  benchmark: 'index',
}
