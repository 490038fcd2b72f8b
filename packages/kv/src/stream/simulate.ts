/** A link and a receiver on a virtual clock. */
import { type Choice, type StreamCosts, type StreamPlan, tokensBefore } from './plan.ts'
import { type Link, runStream, type StreamOptions, type StreamReport } from './stream.ts'
import { arrivalOf, carriedUntil, type Trace } from './trace.ts'

/** A simulated link. */
export interface VirtualLink {
  readonly trace: Trace
  /** Seconds into the trace at which it begins. Default 0. */
  readonly start?: number
  /** Seconds from a request to the first byte. Default 0.02. */
  readonly delay?: number
}

/** What a stream over a trace gives, without waiting for it. */
export async function simulateStream(
  { trace, start = 0, delay = 0.02 }: VirtualLink,
  plan: StreamPlan,
  costs: StreamCosts,
  options: StreamOptions,
): Promise<StreamReport> {
  let clock = 0
  let ready = 0
  const link: Link = {
    now: () => clock,
    async fetch(index, choice, giveUp) {
      const bytes = bytesOf(plan, index, choice)
      const from = clock + delay
      const end = arrivalOf(trace, start + from, bytes) - start
      if (giveUp !== undefined && end > from + giveUp.after) {
        const got = carriedUntil(trace, start + from + giveUp.after) - carriedUntil(trace, start + from)
        if (bytes - got > giveUp.below) {
          clock = from + giveUp.after
          return { isWhole: false, bytes: got, delay, seconds: giveUp.after }
        }
      }
      clock = end
      return { isWhole: true, bytes, delay, seconds: end - from }
    },
    use(index, choice) {
      const { tokens } = plan.chunks[index] as StreamPlan['chunks'][number]
      const work = choice === 'text' ? costs.recompute(tokens, tokensBefore(plan, index)) : costs.decode(tokens)
      ready = Math.max(ready, clock) + work
    },
    done: async () => ready,
  }
  return await runStream(link, plan, costs, options)
}

/** Bytes of a choice. */
export function bytesOf({ chunks }: StreamPlan, index: number, choice: Choice): number {
  const { bytes, textBytes } = chunks[index] as StreamPlan['chunks'][number]
  return choice === 'text' ? textBytes : (bytes[choice] as number)
}
