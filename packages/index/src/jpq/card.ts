import type { SystemCard } from '@pith/core'

/** What codes that are trained for ranking are, where they come from and what backs their claims. */
export const card: SystemCard = {
  id: 'jpq',
  title: 'JPQ: product quantisation trained for ranking',
  paper: {
    title: 'Jointly Optimizing Query Encoder and Product Quantization to Improve Retrieval Performance',
    arxiv: '2108.00644',
    year: 2021,
  },
  summary:
    'The codes of documents stay, 32 times smaller than their vectors; the side of the queries and the centroids that codes score as are trained on what the index returns.',
  entryPoints: ["import { trainJpq } from '@pith/index/jpq'", "import { adapt } from '@pith/index/domain-adaptation'"],
  differences: [
    'The query side is a linear map of vectors by default; a whole ONNX encoder can be trained in its place.',
    'Centroids that documents are coded by, now and later, are kept beside the trained ones that they score as.',
    'No coarse centroids: the mean is taken away before coding, which changes no ranking by inner product.',
    'Rates are shares of the size of what is trained, and losses are scaled by the deviation of scores: encoders of any scale train alike.',
    'The margins of a teacher count between all rows that were labelled for a query, not between one pair.',
    'The epoch that ranks held-out queries best is kept; where none is better than the codes as they were, these are.',
  ],
  benchmark: 'index',
}
