import type { SystemCard } from '@pith/core'

/** What caches in few bits are, where they come from and what backs their claims. */
export const card: SystemCard = {
  id: 'gear',
  title: 'GEAR: caches in few bits, with what rounding misses',
  paper: {
    title: 'GEAR: An Efficient KV Cache Compression Recipe for Near-Lossless Generative Inference of LLM',
    arxiv: '2403.05527',
    year: 2024,
  },
  summary:
    'Keys and values rounded to 2 to 4 bits in groups, with a part of low rank and outliers that make up for it; beside it KIVI, and KIVI behind a rotation, which is what to take at equal bytes.',
  entryPoints: [
    'pith kv quant --model M --text doc.txt',
    "import { compressBlock, residentSession, roundWithGear } from '@pith/kv/gear'",
  ],
  differences: [
    'The default is KIVI at 3 bits behind a Hadamard rotation: it loses less than GEAR at fewer bytes.',
    'Outliers are counted along the axis that they are taken from; the released code counts along the other one and can keep whole blocks exact.',
    'Levels are 2^bits - 1 for any number of bits; the released code has bits^2 - 1, which is right for 2 and 4 only.',
    'The power iteration makes its columns orthogonal in each round, not only in the last.',
    'Sizes count the places of outliers, not only their values.',
    'Sessions attend over blocks as they are, outliers included, with heads of queries that share keys; the released kernel has no outliers and no shared keys.',
  ],
  benchmark: 'kv',
}
