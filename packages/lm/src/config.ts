/** The sizes and choices of a language model of the llama family. */
import { PithError } from '@pith/core'

/** What the arithmetic of a model needs to know. */
export interface LmConfig {
  readonly layers: number
  /** Heads of queries. */
  readonly heads: number
  /** Heads of keys and values; each serves `heads / kvHeads` heads of queries. */
  readonly kvHeads: number
  /** Numbers in a query, key or value of one head; even. */
  readonly headDim: number
  /** Numbers in the vector of a token. */
  readonly hidden: number
  /** Inner numbers of a feed-forward layer. */
  readonly ffn: number
  readonly vocab: number
  /** Positions that the model was made for. */
  readonly ctx: number
  readonly ropeTheta: number
  readonly normEps: number
  /** Whether the last projection is the table of tokens. */
  readonly tied: boolean
  /** Whether queries, keys and values have additions of their own, as Qwen 2 has. */
  readonly qkvBias: boolean
}

const SIZES = ['layers', 'heads', 'kvHeads', 'headDim', 'hidden', 'ffn', 'vocab', 'ctx'] as const

/** Largest number that a size may be. */
const MAX_SIZE = 2 ** 31 - 1

/** @throws PithError `PITH_MODEL` sizes that cannot be */
export function checkConfig(config: LmConfig): void {
  for (const key of SIZES) {
    const size = config[key]
    if (!(Number.isInteger(size) && size >= 1 && size <= MAX_SIZE)) {
      throw new PithError('PITH_MODEL', `${key} must be an integer in 1..${MAX_SIZE}, got ${size}`)
    }
  }
  const { heads, kvHeads, headDim, ropeTheta, normEps } = config
  if (heads % kvHeads !== 0) {
    throw new PithError('PITH_MODEL', `${heads} heads cannot share ${kvHeads} heads of keys and values`)
  }
  if (headDim % 2 !== 0) throw new PithError('PITH_MODEL', `rotated heads have an even width, got ${headDim}`)
  if (!(Number.isFinite(ropeTheta) && ropeTheta > 0 && Number.isFinite(normEps) && normEps > 0)) {
    throw new PithError('PITH_MODEL', `ropeTheta ${ropeTheta} and normEps ${normEps} must be above 0`)
  }
}
