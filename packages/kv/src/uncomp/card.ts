import type { SystemCard } from '@pith/core'

/** What UNComp is, where it comes from and what backs its claims. */
export const card: SystemCard = {
  id: 'uncomp',
  title: 'UNComp: caches that keep what uncertain heads need',
  paper: {
    title: 'UNComp: Uncertainty-Aware Long-Context Compressor for Efficient Large Language Model Inference',
    arxiv: '2410.03090',
    year: 2024,
  },
  summary:
    'Attention over a fifth of a prompt: each head keeps the tokens that the last queries look at, and heads whose queries differ most keep more of them. Memory falls by as much.',
  entryPoints: [
    'pith kv evict --model models/pith-recall --text doc.txt --policy auto --budget 0.2',
    "import { profileEntropy, uncomp, uncompAda } from '@pith/kv/uncomp'",
    'lm.session({ policy: uncomp(profile, { budget: 0.2 }) })',
  ],
  differences: [
    'Budgets of classes have exactly the sum of equal budgets; the released code gives two classes 12.5 % more than its peers.',
    'Heads that share keys are judged together and stored once; the released code repeats keys and values for each head of queries.',
    'Classes are equally large, by the mean rank over texts; the released code takes them from an unordered partition.',
    'uncomp+ada, the default, lets the heads of a layer share its budget as AdaKV does; layers whose queries have little entropy keep more.',
    'Prompts are read whole unless stages are asked for: in a model of 6 layers little is recalled behind them. Stages choose by attention that is averaged over neighbours.',
    'While text is written sums over the last queries are kept up row by row and not smoothed over neighbours.',
    'H2O, as a peer, is divided by the number of queries that could see a token.',
  ],
  benchmark: 'kv',
}
