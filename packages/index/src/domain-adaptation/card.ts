import type { SystemCard } from '@pith/core'

/** What adaptation without labels is, where it comes from and what backs its claims. */
export const card: SystemCard = {
  id: 'domain-adaptation',
  title: 'Domain adaptation: GenQ and GPL for compressed indexes',
  paper: {
    title: 'Domain Adaptation for Memory-Efficient Dense Retrieval',
    arxiv: '2205.11498',
    year: 2022,
  },
  summary:
    'Codes learn the documents that they stand for without labels: queries are made from the documents, a teacher says which rows answer them how well, and the index is only replaced where held-out queries rank better.',
  entryPoints: ["import { adapt, generateQueries } from '@pith/index/domain-adaptation'", 'pith index adapt INDEX'],
  differences: [
    'Queries come from four ways that need no model (terms, a sentence, the title, a phrase), or from a language model behind an endpoint; those whose document BM25 does not find are dropped.',
    'The teacher is BM25, late interaction of vectors of terms and nearness, or the cross-encoder or language model that the user names. What uncompressed vectors say makes 0.3 of a label.',
    'A teacher is asked once for each row that was mined, before training; the released code asks it in the training loop and never uses what it mined.',
    'Margins are brought to the deviation of the scores that learn them: logits of teachers have no bounds.',
    'An adapted index is refused unless the 95 % interval of its gain on held-out queries is above 0; uncompressed vectors behind the same trained layer are always shown beside it.',
    'Sentences that became queries stay in their documents: vectors and codes are there before the queries.',
  ],
  benchmark: 'index',
}
