import type { SystemCard } from '@pith/core'

/** What prompts within a budget are, and what backs their claims. */
export const card: SystemCard = {
  id: 'prompt',
  title: 'Prompts within a budget: slices of the original, without a model',
  summary:
    'Cuts passages, transcripts, logs, JSON, diffs, pages and prose to a number of tokens: what is left is slices of the original in their order, the budget is kept by counting the result, and what was left out can be had again.',
  entryPoints: [
    'pith prompt compress FILE --budget 25% -Q QUESTION',
    'pith prompt explain FILE --budget 50%',
    'pith prompt bench questions.jsonl --ratio 5,10',
    'pith prompt proxy --upstream URL',
    'pith prompt mcp',
    "import { compressBy, compressPassages, compressText } from '@pith/context'",
  ],
  differences: [
    'After selective context and extractive summaries; there is no one paper, and no model is asked.',
    'Dates, amounts, versions, links, paths, ids and code are never cut in two.',
    'Budgets are counted in the result, not summed over its parts.',
    'How rare a word is comes from a table of general text, from texts of yours, or from the text alone.',
  ],
  benchmark: 'context',
}
