import type { SystemCard } from '@pith/core'

/** What LLMLingua-2 is here, where it comes from and what backs its claims. */
export const card: SystemCard = {
  id: 'llmlingua2',
  title: 'LLMLingua-2: prompts cut by a classifier of words',
  paper: {
    title: 'LLMLingua-2: Data Distillation for Efficient and Faithful Task-Agnostic Prompt Compression',
    arxiv: '2403.12968',
    year: 2024,
  },
  summary:
    'A small encoder says of each word how likely it should stay, without a question; the likeliest words fill the budget, exactly as they stand. Any ONNX classifier of tokens with a tokenizer.json will do, and one can be trained on your own texts.',
  entryPoints: [
    'pith prompt compress FILE --model models/pith-keep --budget 50%',
    'pith prompt train notes.txt pairs.jsonl -o DIR',
    "import { loadClassifier } from '@pith/context/llmlingua2/node'",
    "import { labelWords, trainClassifier } from '@pith/context/llmlingua2'",
  ],
  differences: [
    'One order of words for the whole text; the released code sets a threshold in each window of 512 tokens, so that a dull window keeps as much as a rich one.',
    'What stays is slices of the original; the released code writes tokens out again and so alters words.',
    'Budgets are counted in the result, and met; numbers, links, paths, negations and code stay unless asked otherwise.',
    'Windows of at most 192 tokens that overlap by 24, each word judged where it is farthest from an edge; products by constant matrices are of 7-bit integers unless asked otherwise.',
    'Labels are made on words of the raw text, not on lemmas; tokens around a text do not count; whole texts are kept aside, and the score is F1 of what stays.',
    'Names of special tokens in a text are ordinary text, and words without known tokens stay.',
    'models/pith-keep is taught by rules, as no language model was there to teach it: it shows that the way works, and is no match for the released models.',
  ],
  benchmark: 'context',
}
