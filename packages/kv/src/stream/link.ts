/** The link to a server of caches, with the receiver's work beside it. */
import { PithError, throwIfAborted } from '@pith/core'
import type { Choice } from './plan.ts'
import type { GiveUp, Link, Transfer } from './stream.ts'

/** How a server is asked. */
export interface LinkOptions {
  readonly signal?: AbortSignal
  /** Default the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch
}

/** Works on a chunk that arrived. */
export type Receiver = (index: number, choice: Choice, bytes: Uint8Array) => Promise<void>

/** A link to the chunks below an address, whose clock starts now. `levels` are the names of the levels, from small to exact. */
export function httpLink(
  address: string,
  levels: readonly number[],
  sizeOf: (index: number, choice: Choice) => number,
  receive: Receiver,
  { signal, fetch = globalThis.fetch }: LinkOptions = {},
): Link {
  const start = performance.now()
  const now = (): number => (performance.now() - start) / 1000
  let work: Promise<void> = Promise.resolve()
  let end = 0
  let arrived: Uint8Array = new Uint8Array(0)
  return {
    now,
    async fetch(index, choice, giveUp) {
      throwIfAborted(signal)
      const level = choice === 'text' ? 0 : levels[choice]
      const from = now()
      const stop = new AbortController()
      const response = await request(`${address}/${index}?level=${level}`, fetch, signal, stop.signal)
      const { transfer, bytes } = await receiveBody(response, sizeOf(index, choice), {
        from,
        now,
        stop,
        giveUp,
        signal,
      })
      arrived = bytes
      return transfer
    },
    use(index, choice) {
      const bytes = arrived
      work = work.then(async () => {
        throwIfAborted(signal)
        await receive(index, choice, bytes)
        end = now()
      })
      // Told by `done`, which may be called much later.
      work.catch(() => {})
    },
    async done() {
      await work
      return end
    },
  }
}

async function request(
  address: string,
  fetch: typeof globalThis.fetch,
  signal: AbortSignal | undefined,
  stop: AbortSignal,
): Promise<Response> {
  let response: Response
  try {
    response = await fetch(address, {
      signal: signal === undefined ? stop : AbortSignal.any([signal, stop]),
      cache: 'no-store',
    })
  } catch (cause) {
    throwIfAborted(signal)
    throw new PithError('PITH_NETWORK', 'the server of caches cannot be reached', { cause, hint: 'Check its address.' })
  }
  if (response.ok) return response
  await response.body?.cancel().catch(() => {})
  throw new PithError('PITH_NETWORK', `the server of caches answered ${response.status}`)
}

interface Body {
  readonly from: number
  readonly now: () => number
  readonly stop: AbortController
  readonly giveUp: GiveUp | undefined
  readonly signal: AbortSignal | undefined
}

async function receiveBody(
  response: Response,
  size: number,
  { from, now, stop, giveUp, signal }: Body,
): Promise<{ transfer: Transfer; bytes: Uint8Array }> {
  const bytes = new Uint8Array(size)
  let [got, first, isGivenUp] = [0, Number.NaN, false]
  let timer: ReturnType<typeof setTimeout> | undefined
  const check = (): void => {
    if (giveUp === undefined || size - got <= giveUp.below) return
    isGivenUp = true
    stop.abort()
  }
  try {
    for await (const part of response.body ?? []) {
      if (got === 0) {
        first = now()
        if (giveUp !== undefined) timer = setTimeout(check, 1000 * giveUp.after)
      }
      if (got + part.length > size) throw new PithError('PITH_NETWORK', 'the server sent more than it had said')
      bytes.set(part, got)
      got += part.length
    }
  } catch (cause) {
    throwIfAborted(signal)
    if (!isGivenUp) {
      if (cause instanceof PithError) throw cause
      throw new PithError('PITH_NETWORK', 'the server of caches broke off', { cause, hint: 'Try again.' })
    }
  } finally {
    clearTimeout(timer)
  }
  const last = now()
  if (Number.isNaN(first)) first = last
  if (got < size && !isGivenUp) throw new PithError('PITH_NETWORK', `${got} of ${size} bytes came from the server`)
  return { transfer: { isWhole: got === size, bytes: got, delay: first - from, seconds: last - first }, bytes }
}
