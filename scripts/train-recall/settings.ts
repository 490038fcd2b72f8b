/** What the reference model is, and how it is trained. All of it goes into the checkpoint: a change needs a new training. */
import type { LmConfig } from '@pith/lm'

/** The architecture: small enough to commit, with heads as wide as those of large models. */
export const CONFIG: LmConfig = {
  layers: 6,
  heads: 4,
  kvHeads: 4,
  headDim: 64,
  hidden: 256,
  ffn: 384,
  vocab: 512,
  ctx: 1024,
  ropeTheta: 10000,
  normEps: 1e-5,
  tied: true,
  qkvBias: false,
}

/** A part of the training with rows of one length. */
export interface Stage {
  readonly name: string
  /** Tokens in a row. */
  readonly length: number
  /** Rows in a batch. */
  readonly rows: number
  /** Tokens that it gets at most. */
  readonly tokens: number
  /** Share of the rates that it gets at most. */
  readonly rate: number
  /** Shares of kinds of rows. */
  readonly shares: Readonly<Record<string, number>>
  /** It ends earlier where the answers of these tasks are right more often than that, over the last 40 batches. */
  readonly until: { readonly tasks: readonly string[]; readonly accuracy: number }
}

/** Shares of rows once all tasks are there. */
const MIXTURE: Readonly<Record<string, number>> = { text: 0.25, copy: 0.2, lookup: 0.25, needle: 0.2, chain: 0.1 }

/**
 * Text is there from the start: a model that has only seen repeats forgets them within a hundred updates of other rows. Short
 * repeats stay until rows are long.
 */
export const STAGES: readonly Stage[] = [
  {
    name: 'A',
    length: 64,
    rows: 64,
    tokens: 2e6,
    rate: 1,
    shares: { repeats: 0.7, text: 0.3 },
    until: { tasks: ['repeats'], accuracy: 0.9 },
  },
  {
    name: 'B',
    length: 128,
    rows: 32,
    tokens: 2e6,
    rate: 1,
    shares: { repeats: 0.2, text: 0.2, copy: 0.2, lookup: 0.25, needle: 0.05, chain: 0.1 },
    until: { tasks: ['copy'], accuracy: 0.95 },
  },
  {
    name: 'B2',
    length: 128,
    rows: 32,
    tokens: 3e6,
    rate: 0.4,
    shares: { repeats: 0.05, text: 0.22, copy: 0.1, lookup: 0.43, needle: 0.1, chain: 0.1 },
    until: { tasks: ['copy', 'lookup'], accuracy: 0.95 },
  },
  {
    name: 'C',
    length: 256,
    rows: 24,
    tokens: 3e6,
    rate: 0.4,
    shares: MIXTURE,
    until: { tasks: ['copy', 'lookup', 'needle'], accuracy: 0.97 },
  },
  { name: 'D', length: 512, rows: 16, tokens: 3e6, rate: 0.4, shares: MIXTURE, until: { tasks: [], accuracy: 1 } },
  { name: 'E', length: 1024, rows: 8, tokens: 2e6, rate: 0.4, shares: MIXTURE, until: { tasks: [], accuracy: 1 } },
]

/** Shares of what text rows are of. */
export const TEXT_SHARES: Readonly<Record<string, number>> = { stories: 0.6, wiki: 0.2, java: 0.2 }

/** How much a token of an answer counts, beside 1 for a token of a text row. */
export const ANSWER_WEIGHTS: Readonly<Record<string, number>> = { copy: 1, lookup: 2, needle: 5, chain: 2 }

export const SEED = 20240623

export const OPTIMIZER = {
  /** Rate of Muon, for matrices. */
  matrixRate: 0.02,
  /** Rate of Adam, for the table of tokens and norms. */
  otherRate: 0.003,
  momentum: 0.95,
  betas: [0.9, 0.99] as const,
  /** Updates until the whole rate, at the start and, from a tenth on, at the start of each stage. */
  warmup: 60,
  /** Share of the tokens with the whole rate; from there a line to `last` of it. */
  constant: 0.6,
  last: 0.02,
}
