/** A link of measured bandwidth in front of a server: what is sent waits as it would there. */
import { setTimeout as sleep } from 'node:timers/promises'
import { arrivalOf, type Trace } from '../trace.ts'

/** Seconds of a piece: what the link carries in this time is sent at once. */
const TICK = 0.01

/** A shared link; pieces of several answers go over it one after another. */
export interface Throttle {
  /** Wait as long as a request takes to its first byte. */
  begin(): Promise<void>
  /**
   * Hand over bytes as the link would carry them.
   *
   * @param send takes a piece; `false` ends it
   */
  carry(bytes: Uint8Array, send: (piece: Uint8Array) => Promise<boolean>): Promise<void>
}

/** A link that begins with its first request. @param delay seconds from a request to its first byte */
export function makeThrottle(trace: Trace, delay = 0.02): Throttle {
  let zero: number | undefined
  let free = 0
  const now = (): number => {
    zero ??= performance.now()
    return (performance.now() - zero) / 1000
  }
  const until = async (moment: number): Promise<void> => {
    const wait = moment - now()
    if (wait > 0) await sleep(1000 * wait)
  }
  return {
    begin: () => until(now() + delay),
    async carry(bytes, send) {
      free = Math.max(free, now())
      for (let at = 0; at < bytes.length; ) {
        // From when the link is free, not from now: a timer that rings late costs no bandwidth.
        const size = pieceOf(trace, free, bytes.length - at)
        free = arrivalOf(trace, free, size)
        await until(free)
        if (!(await send(bytes.subarray(at, at + size)))) return
        at += size
      }
    },
  }
}

/** Bytes that the link carries in a tick, at least one; a link that is silent carries nothing until it is not. */
function pieceOf(trace: Trace, from: number, most: number): number {
  if (arrivalOf(trace, from, most) <= from + TICK) return most
  let [low, high] = [1, most]
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (arrivalOf(trace, from, middle) <= from + TICK) low = middle
    else high = middle
  }
  return low
}
