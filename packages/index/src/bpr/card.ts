import type { SystemCard } from '@pith/core'

/** What trained codes of signs are, where they come from and what backs their claims. */
export const card: SystemCard = {
  id: 'bpr',
  title: 'BPR: codes of a bit a number, trained for ranking',
  paper: {
    title: 'Efficient Passage Retrieval with Hashing for Open-domain Question Answering',
    arxiv: '2106.00882',
    year: 2021,
  },
  summary:
    'Vectors of documents in one bit a number, 32 times smaller: Hamming distance finds candidates, the query as it is ranks them. One linear layer over any encoder, trained without labels.',
  entryPoints: [
    "import { centredItq, hashDocuments, hashQueries, trainBpr } from '@pith/index/bpr'",
    "import { adapt } from '@pith/index/domain-adaptation'",
  ],
  differences: [
    'One linear layer over vectors that stay, in place of two BERT encoders: training takes seconds, and any encoder will do.',
    'It starts from centred ITQ: signs of vectors that were not turned lose a fifth of nDCG, which training then seems to win.',
    'With a teacher (GPL) its margins train the codes as well as the ranks; that ranks held-out queries better by Hamming distance than the hinge.',
    'The released margin loss for GPL takes the first two documents for all positives and all negatives; here each query has its own.',
    'Documents that answer a query are no negatives of another query of the batch that they answer, too.',
  ],
  benchmark: 'index',
}
