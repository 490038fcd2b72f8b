/** Who waits for the model: one at a time, in order, and not too many. */
import { onAbort, PithError, throwIfAborted } from '@pith/core'

/** A queue of callers; each leaves it by the function that it got. */
export class TurnQueue {
  readonly #most: number
  readonly #waiting: (() => void)[] = []
  #busy = false

  /** @param most callers that may wait */
  constructor(most: number) {
    this.#most = most
  }

  /** Callers that wait. */
  get waiting(): number {
    return this.#waiting.length
  }

  /**
   * Wait for the turn.
   *
   * @returns ends the turn
   * @throws PithError `PITH_LOCKED` too many wait · the reason of the abort
   */
  async enter(signal?: AbortSignal): Promise<() => void> {
    throwIfAborted(signal)
    if (this.#busy) {
      if (this.#waiting.length >= this.#most) {
        throw new PithError('PITH_LOCKED', `${this.#most} requests wait already`, { hint: 'Try again later.' })
      }
      await new Promise<void>((resolve, reject) => {
        const turn = (): void => {
          forget()
          resolve()
        }
        this.#waiting.push(turn)
        const forget = onAbort(signal, (reason) => {
          this.#waiting.splice(this.#waiting.indexOf(turn), 1)
          reject(reason)
        })
      })
    }
    this.#busy = true
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      // It stays busy for the next one, so that nobody comes between.
      const next = this.#waiting.shift()
      if (next === undefined) this.#busy = false
      else next()
    }
  }
}
