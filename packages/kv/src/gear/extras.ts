/** What gear adds to rounded numbers, held in half precision and attended over where it stands: factors and outliers. */
import { f16FromF32, f32FromF16 } from '@pith/core'
import type { Block } from './block.ts'

/** Tokens whose outliers stand together, so that their places take two bytes. */
const RUN = 64

interface Factors {
  readonly rank: number
  /** u16[tokens, rank] in half precision. */
  readonly a: Uint16Array
  /** u16[headDim, rank] in half precision. */
  readonly b: Uint16Array
}

interface Outliers {
  /** u32[runs + 1]: the first outlier of each run. */
  readonly starts: Uint32Array
  /** u16: token of the run * headDim + channel. */
  readonly places: Uint16Array
  /** In half precision. */
  readonly values: Uint16Array
}

/** Reads the rounded number at a token and channel. */
export type ReadRounded = (token: number, channel: number) => number

let table: Float32Array | undefined

/** All halves as singles, made when they are first needed. */
function singles(): Float32Array {
  table ??= f32FromF16(Uint16Array.from({ length: 65536 }, (_, i) => i))
  return table
}

/** The extras of one block, by head; most methods have none. */
export class Extras {
  readonly tokens: number
  readonly #headDim: number
  readonly #factors: readonly Factors[]
  readonly #outliers: readonly Outliers[]

  constructor(block: Block) {
    const { tokens, heads, headDim, lowRank, sparse } = block
    this.tokens = tokens
    this.#headDim = headDim
    this.#factors = lowRank.map(({ rank, a, b }) => ({ rank, a: f16FromF32(a), b: f16FromF32(b) }))
    this.#outliers =
      sparse === undefined
        ? []
        : Array.from({ length: heads }, (_, head) => {
            const width = heads * headDim
            const own = Array.from(sparse.places.keys()).filter(
              (i) => Math.floor(((sparse.places[i] as number) % width) / headDim) === head,
            )
            const tokenOf = (i: number): number => Math.floor((sparse.places[i] as number) / width)
            const starts = new Uint32Array(Math.ceil(tokens / RUN) + 1)
            for (const i of own) {
              const next = Math.floor(tokenOf(i) / RUN) + 1
              starts[next] = (starts[next] as number) + 1
            }
            for (let run = 1; run < starts.length; run++) {
              starts[run] = (starts[run] as number) + (starts[run - 1] as number)
            }
            return {
              starts,
              places: Uint16Array.from(
                own,
                (i) => (tokenOf(i) % RUN) * headDim + ((sparse.places[i] as number) % headDim),
              ),
              values: f16FromF32(Float32Array.from(own, (i) => sparse.values[i] as number)),
            }
          })
  }

  get bytes(): number {
    let bytes = 0
    for (const { a, b } of this.#factors) bytes += a.byteLength + b.byteLength
    for (const { starts, places, values } of this.#outliers) {
      bytes += starts.byteLength + places.byteLength + values.byteLength
    }
    return bytes
  }

  /** Add q times the keys of a head to scores: (q b) a^T and q times what outliers are off by. */
  addScores(head: number, q: ArrayLike<number>, scores: Float32Array, at: number, rounded: ReadRounded): void {
    const half = singles()
    const factors = this.#factors[head]
    if (factors !== undefined) {
      const { rank, a, b } = factors
      for (let r = 0; r < rank; r++) {
        let weight = 0
        for (let i = 0; i < this.#headDim; i++) {
          weight += (q[i] as number) * (half[b[i * rank + r] as number] as number)
        }
        for (let t = 0; t < this.tokens; t++) {
          scores[at + t] = (scores[at + t] as number) + weight * (half[a[t * rank + r] as number] as number)
        }
      }
    }
    this.#eachOutlier(head, rounded, (token, channel, off) => {
      scores[at + token] = (scores[at + token] as number) + (q[channel] as number) * off
    })
  }

  /** Add p times the values of a head to an output. */
  addMix(head: number, p: Float32Array, at: number, out: Float32Array, to: number, rounded: ReadRounded): void {
    const half = singles()
    const factors = this.#factors[head]
    if (factors !== undefined) {
      const { rank, a, b } = factors
      for (let r = 0; r < rank; r++) {
        let weight = 0
        for (let t = 0; t < this.tokens; t++) {
          weight += (p[at + t] as number) * (half[a[t * rank + r] as number] as number)
        }
        for (let i = 0; i < this.#headDim; i++) {
          out[to + i] = (out[to + i] as number) + weight * (half[b[i * rank + r] as number] as number)
        }
      }
    }
    this.#eachOutlier(head, rounded, (token, channel, off) => {
      out[to + channel] = (out[to + channel] as number) + (p[at + token] as number) * off
    })
  }

  #eachOutlier(head: number, rounded: ReadRounded, visit: (token: number, channel: number, off: number) => void): void {
    const own = this.#outliers[head]
    if (own === undefined) return
    const half = singles()
    const headDim = this.#headDim
    for (let run = 0; run + 1 < own.starts.length; run++) {
      const end = own.starts[run + 1] as number
      for (let i = own.starts[run] as number; i < end; i++) {
        const place = own.places[i] as number
        const token = run * RUN + Math.floor(place / headDim)
        const channel = place % headDim
        visit(token, channel, (half[own.values[i] as number] as number) - rounded(token, channel))
      }
    }
  }
}
