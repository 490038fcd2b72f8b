/** Sending a text chunk by chunk, on a link that is real or simulated. */
import { mean } from '@pith/core'
import { type Choice, type Controller, type StreamCosts, type StreamPlan, tokensBefore } from './plan.ts'

/** A transfer that ended, or was given up. */
export interface Transfer {
  readonly isWhole: boolean
  /** Bytes that arrived, of the body alone. */
  readonly bytes: number
  /** Seconds from the request to the first byte. */
  readonly delay: number
  /** Seconds from the first byte to the last. */
  readonly seconds: number
}

/** What a transfer is given up for: when it takes longer than `after` seconds and more than `below` bytes are still to come. */
export interface GiveUp {
  readonly after: number
  readonly below: number
}

/** A link with a clock. */
export interface Link {
  /** Seconds since the start. */
  now(): number
  fetch(index: number, choice: Choice, giveUp?: GiveUp): Promise<Transfer>
  /** Begin the receiver's work on a chunk that arrived: chunks are worked on one after another, beside later transfers. */
  use(index: number, choice: Choice): void
  /** Seconds since the start at which all work is done. */
  done(): Promise<number>
}

/** How a text is sent. */
export interface StreamOptions {
  readonly controller: Controller
  /** Seconds until all should be ready. */
  readonly slo: number
  /** Bytes a second that are expected before anything is known. */
  readonly hint?: number
  /** Whether a stalled transfer is given up for a smaller one. Default true. */
  readonly refetch?: boolean
}

/** What happened. */
export interface StreamReport {
  /** What was sent of each chunk. */
  readonly choices: readonly Choice[]
  /** Seconds until the last chunk was ready. */
  readonly ready: number
  readonly isMet: boolean
  /** Nats a token, mean over the tokens of the text. */
  readonly damage: number
  /** Bytes that were sent, those of transfers that were given up included. */
  readonly bytes: number
  readonly refetches: number
}

/** Transfers below this say nothing of the bandwidth. */
const LEAST_SAMPLE = 16384

/** A transfer that takes so many times what was expected has stalled. */
const STALLED = 2

/** Send all chunks of a plan over a link, in order. */
export async function runStream(
  link: Link,
  plan: StreamPlan,
  costs: StreamCosts,
  { controller, slo, hint, refetch = true }: StreamOptions,
): Promise<StreamReport> {
  const samples: number[] = []
  const choices: Choice[] = []
  const delays: number[] = []
  let [ready, bytes, refetches, damage] = [0, 0, 0, 0]
  for (const [index, chunk] of plan.chunks.entries()) {
    const ask = (): Choice => {
      const state = {
        plan,
        costs,
        index,
        elapsed: link.now(),
        ready,
        samples,
        delay: delays.length === 0 ? 0 : mean(delays),
        slo,
      }
      return controller(hint === undefined ? state : { ...state, hint })
    }
    const take = async (choice: Choice, giveUp?: GiveUp): Promise<Transfer> => {
      const transfer = await link.fetch(index, choice, giveUp)
      bytes += transfer.bytes
      delays.push(transfer.delay)
      if (transfer.bytes >= LEAST_SAMPLE && transfer.seconds > 0) samples.push(transfer.bytes / transfer.seconds)
      return transfer
    }
    let choice = ask()
    const speed = samples.at(-1)
    const lower = typeof choice === 'number' ? choice - 1 : -1
    const giveUp =
      refetch && speed !== undefined && lower >= 0 && typeof choice === 'number'
        ? { after: (STALLED * (chunk.bytes[choice] as number)) / speed, below: chunk.bytes[0] as number }
        : undefined
    const first = await take(choice, giveUp)
    if (!first.isWhole) {
      refetches++
      const again = ask()
      choice = typeof again === 'number' ? Math.min(again, lower) : again
      await take(choice)
    }
    choices.push(choice)
    const work =
      choice === 'text' ? costs.recompute(chunk.tokens, tokensBefore(plan, index)) : costs.decode(chunk.tokens)
    ready = Math.max(ready, link.now()) + work
    damage += choice === 'text' ? 0 : Math.max(0, plan.damage[choice] as number) * chunk.tokens
    link.use(index, choice)
  }
  const done = await link.done()
  const tokens = tokensBefore(plan, plan.chunks.length)
  return { choices, ready: done, isMet: done <= slo, damage: damage / Math.max(1, tokens), bytes, refetches }
}
