/** A tier that is late or fails is left alone for a while, and said so once. */
import { onAbort, PithError } from '@pith/core'

/** How a failing tier is treated. */
export interface GuardOptions {
  /** Milliseconds that an answer may take. */
  readonly timeoutMs: number
  /** Milliseconds that a tier is left alone behind a failure. */
  readonly restMs: number
  readonly warn: (message: string) => void
}

/** Asks one tier. */
export class Guard {
  readonly #title: string
  readonly #options: GuardOptions
  #restsUntil = 0
  #hasWarned = false

  constructor(title: string, options: GuardOptions) {
    this.#title = title
    this.#options = options
  }

  /** Whether the tier is left alone just now. */
  get rests(): boolean {
    return performance.now() < this.#restsUntil
  }

  /**
   * Ask, but not for long.
   *
   * @param work what to ask; its signal fires when nobody waits any longer
   * @param otherwise the answer where there is none
   * @throws the reason of the abort, and nothing else
   */
  async ask<T>(
    work: (signal: AbortSignal) => Promise<T>,
    otherwise: T,
    { signal, timeoutMs = this.#options.timeoutMs }: { signal?: AbortSignal | undefined; timeoutMs?: number } = {},
  ): Promise<T> {
    if (this.rests) return otherwise
    const controller = new AbortController()
    try {
      const answer = await new Promise<T>((resolve, reject) => {
        const stop = afterTurns(timeoutMs, () => reject(new PithError('PITH_NETWORK', `no answer in ${timeoutMs} ms`)))
        const release = onAbort(signal, reject)
        // Late answers and late failures fall into settled promises: nobody hears of them.
        Promise.resolve()
          .then(() => work(controller.signal))
          .then(resolve, reject)
          .finally(() => {
            stop()
            release()
          })
      })
      this.#hasWarned = false
      return answer
    } catch (error) {
      controller.abort(error)
      if (signal?.aborted) throw signal.reason
      this.#restsUntil = performance.now() + this.#options.restMs
      if (!this.#hasWarned) {
        this.#hasWarned = true
        const why = error instanceof Error ? error.message : String(error)
        this.#options.warn(`${this.#title} is not used for ${this.#options.restMs / 1000} s: ${why}`)
      }
      return otherwise
    }
  }
}

/** Parts of a wait. */
const TURNS = 5

/**
 * Call something after a time, but not because this thread was busy: an answer that came meanwhile is heard first.
 *
 * @returns a function that takes it back
 */
function afterTurns(ms: number, done: () => void): () => void {
  let left = TURNS
  const next = (): void => {
    // A turn that was late counts as one, and the next one lets answers in.
    if (--left === 0) done()
    else timer = setTimeout(next, ms / TURNS)
  }
  let timer = setTimeout(next, ms / TURNS)
  return () => clearTimeout(timer)
}
