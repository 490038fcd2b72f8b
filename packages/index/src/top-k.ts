import { PithError } from '@pith/core'
import type { Hits } from './types.ts'

/**
 * The k best of rows that come one by one: greater scores first, equal scores by ascending row, whatever the order in which they come.
 * Scores are compared as 32-bit floats, which is what they come back as: who joins the best of several parts sees the same ties.
 *
 * @throws PithError `PITH_ARG` k is not 1..2^24
 */
export class TopK {
  readonly #k: number
  readonly #ids: Uint32Array
  readonly #scores: Float32Array
  #size = 0

  constructor(k: number) {
    if (!(Number.isInteger(k) && k >= 1 && k <= 1 << 24)) throw new PithError('PITH_ARG', `k must be 1..2^24, not ${k}`)
    this.#k = k
    this.#ids = new Uint32Array(k)
    this.#scores = new Float32Array(k)
  }

  get size(): number {
    return this.#size
  }

  /** Rows that score less cannot come in any more; -Infinity while there is room. */
  get least(): number {
    return this.#size < this.#k ? Number.NEGATIVE_INFINITY : (this.#scores[0] as number)
  }

  push(id: number, score: number): void {
    const rounded = Math.fround(score)
    if (this.#size < this.#k) this.#up(this.#size++, id, rounded)
    else if (worse(this.#scores[0] as number, this.#ids[0] as number, rounded, id)) this.#down(0, id, rounded)
  }

  /** All that are kept, best first. The collector is empty afterwards. */
  take(): Hits {
    const n = this.#size
    const ids = new Uint32Array(n)
    const scores = new Float32Array(n)
    for (let at = n - 1; at >= 0; at--) {
      ids[at] = this.#ids[0] as number
      scores[at] = this.#scores[0] as number
      const last = --this.#size
      this.#down(0, this.#ids[last] as number, this.#scores[last] as number)
    }
    return { ids, scores }
  }

  #up(start: number, id: number, score: number): void {
    let at = start
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!worse(score, id, this.#scores[parent] as number, this.#ids[parent] as number)) break
      this.#move(parent, at)
      at = parent
    }
    this.#place(at, id, score)
  }

  #down(start: number, id: number, score: number): void {
    let at = start
    for (;;) {
      let child = 2 * at + 1
      if (child >= this.#size) break
      if (child + 1 < this.#size && this.#isWorse(child + 1, child)) child++
      if (!worse(this.#scores[child] as number, this.#ids[child] as number, score, id)) break
      this.#move(child, at)
      at = child
    }
    this.#place(at, id, score)
  }

  #isWorse(a: number, b: number): boolean {
    return worse(this.#scores[a] as number, this.#ids[a] as number, this.#scores[b] as number, this.#ids[b] as number)
  }

  #move(from: number, to: number): void {
    this.#ids[to] = this.#ids[from] as number
    this.#scores[to] = this.#scores[from] as number
  }

  #place(at: number, id: number, score: number): void {
    this.#ids[at] = id
    this.#scores[at] = score
  }
}

/** Whether row a stands behind row b. */
function worse(scoreA: number, a: number, scoreB: number, b: number): boolean {
  return scoreA < scoreB || (scoreA === scoreB && a > b)
}
