import type { SystemCard } from '@pith/core'

/** What ranking by words is, where it comes from and what backs its claims. */
export const card: SystemCard = {
  id: 'bm25',
  title: 'BM25: documents ranked by the words of a query',
  paper: {
    title: 'The Probabilistic Relevance Framework: BM25 and Beyond',
    doi: '10.1561/1500000019',
    year: 2009,
  },
  summary:
    'Exact ranking by words with English stems and pairs of CJK signs, phrases, beginnings and misspelt words, from an index that grows document by document, is written to a file and answers over a network after reading a tenth of it.',
  entryPoints: ["import { buildLexical, openLexical } from '@pith/index/lexical'"],
  differences: [
    'The weight of a term is ln(1 + (N - n + 0.5) / (n + 0.5)), which is never below 0.',
    'A word of the title counts twice, in its count and in the length of the document: BM25F with one b for both.',
    'Stop words are indexed, so that phrases find them, and left out of queries that have other words.',
    'Every document with a word of the query is scored, term by term; there are no blocks to skip, and no score is rounded before it is compared.',
    'A beginning or a misspelt word counts as one word that is in all documents of those that it stands for.',
  ],
  benchmark: 'index',
}
