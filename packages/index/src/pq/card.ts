import type { SystemCard } from '@pith/core'

/** What codes of dense vectors are, where they come from and what backs their claims. */
export const card: SystemCard = {
  id: 'pq',
  title: 'Product quantisation: dense vectors in a 32nd of their bytes',
  paper: {
    title: 'Product Quantization for Nearest Neighbor Search',
    doi: '10.1109/TPAMI.2010.57',
    year: 2011,
  },
  summary:
    'Vectors as codes of 8 or 4 bits a part behind a learned rotation (OPQ), as a bit a number (RaBitQ, signs), as 8 bits a number or as they are; all of them scanned by WebAssembly kernels, filtered, and ranked anew by better ones.',
  entryPoints: ["import { encodePq, flatIndex, int8Index, PqIndex, trainPq } from '@pith/index/pq'"],
  differences: [
    'The rotation (OPQ, Ge et al. 2013) is learned by products alone, in single precision, so that it has the same bits on every machine.',
    'The mean is taken away before all else, and comes back as a part of the score.',
    'Cosines are scored by the distance to what a code stands for, which keeps more of the ranking than products do.',
    'Codes of 4 bits stand in blocks of 16 rows, as signs do. The sums of the fast scan only tell which rows can be among the best; these are scored in single precision, so that the answer is that of an exact scan of the codes.',
    'There are no coarse cells (IVF): every row is scanned.',
    'RaBitQ multiplies by the query as it is, not by one of 4 bits, and takes the mean from the query too.',
  ],
  benchmark: 'index',
}
