import { abortable, concatBytes } from '@pith/core'

/** Says that nothing came in by the time that was given. */
export const LATE: unique symbol = Symbol('late')

/** An input that comes in over time, and for which one need not wait. It ends where the signal fires. */
export class SlowInput {
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #signal: AbortSignal | undefined
  #next: Promise<Uint8Array | undefined> | undefined
  #held: Uint8Array[] = []

  constructor(chunks: AsyncIterable<Uint8Array>, signal?: AbortSignal) {
    this.#chunks = chunks[Symbol.asyncIterator]()
    this.#signal = signal
  }

  /** The next chunk; undefined at the end; LATE where none has come after `ms` milliseconds. */
  async next(ms?: number): Promise<Uint8Array | undefined | typeof LATE> {
    const held = this.#held.shift()
    if (held !== undefined) return held
    if (this.#signal?.aborted) return undefined
    this.#next ??= this.#pull()
    const chunk = await within(this.#next, ms)
    if (chunk !== LATE) this.#next = undefined
    return chunk
  }

  /** The first bytes, up to `length`, as far as they come within `ms` milliseconds after the first of them. */
  async head(length: number, ms: number): Promise<Uint8Array> {
    const held: Uint8Array[] = []
    let due: number | undefined
    for (let bytes = 0; bytes < length; ) {
      const chunk = await this.next(due === undefined ? undefined : Math.max(0, due - performance.now()))
      if (chunk === undefined || chunk === LATE) break
      due ??= performance.now() + ms
      held.push(chunk.slice())
      bytes += chunk.length
    }
    this.#held = held
    return concatBytes(held).subarray(0, length)
  }

  async #pull(): Promise<Uint8Array | undefined> {
    try {
      const step = await abortable(this.#chunks.next(), this.#signal)
      return step.done ? undefined : step.value
    } catch (error) {
      if (this.#signal?.aborted) return undefined
      throw error
    }
  }
}

/** What takes an input that comes in over time. */
export interface SlowOutput {
  write(bytes: Uint8Array): Promise<void>
  /** Make durable what came in. @returns whether some of it still waits */
  flush(): Promise<boolean>
}

/**
 * Pass an input on to its end, with a flush `ms` milliseconds after the first bytes that no flush has seen.
 *
 * @returns number of bytes passed on
 */
export async function feed(input: SlowInput, ms: number, output: SlowOutput): Promise<number> {
  let total = 0
  let due: number | undefined
  for (;;) {
    const chunk = await input.next(due === undefined ? undefined : Math.max(0, due - performance.now()))
    if (chunk === undefined) return total
    if (chunk !== LATE) {
      due ??= performance.now() + ms
      total += chunk.length
      await output.write(chunk)
    }
    // Not only when it is late: an input that never pauses is flushed too.
    if (due !== undefined && performance.now() >= due) {
      const waits = await output.flush()
      due = waits ? performance.now() + ms : undefined
    }
  }
}

async function within<T>(promise: Promise<T>, ms: number | undefined): Promise<T | typeof LATE> {
  if (ms === undefined) return await promise
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(() => resolve(LATE), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
