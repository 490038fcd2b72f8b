import type { SystemCard } from '@pith/core'

/** What LongCodeZip is here, where it comes from and what backs its claims. */
export const card: SystemCard = {
  id: 'longcodezip',
  title: 'LongCodeZip: code cut to what a question needs of it',
  paper: {
    title: 'LongCodeZip: Compress Long Context for Code Language Models',
    arxiv: '2510.00446',
    year: 2025,
  },
  summary:
    'Finds the functions that a question is about and keeps as much of them as a budget of tokens allows, so that what is left still parses. No model is needed; one can order the best functions.',
  entryPoints: [
    'pith prompt code DIR --question TEXT --budget 4000tok',
    "import { CodeParser, compressCode } from '@pith/context/longcodezip'",
  ],
  differences: [
    'Functions are ranked by BM25 over code, name, file, classes and signature; with a language model the best are ordered by what it gains on the question, as means of logarithms.',
    'Blocks are statements of the grammar, not lines whose perplexity jumps, so that what is left parses; signatures, heads of classes and closing returns stay.',
    'Functions stay whole as long as they fit, which keeps more of the right one than parts of many; retention below 1 does as the paper.',
    'Budgets are counted in the result, marks for what is gone included.',
  ],
  benchmark: 'context',
}
