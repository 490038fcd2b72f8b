/** Which level to send of each chunk: the paper's rule, and a plan over all that is left. */
import { type Choice, type Controller, recomputeRest, type StreamState, tokensBefore } from './plan.ts'

/** Samples that the bandwidth is taken from. */
const SAMPLES = 5
/** Part of it that is counted on. */
const CAUTION = 0.5
/** Seconds of a step of time in plans. */
const GRID = 0.01

/** The same for all chunks. */
export function fixedController(choice: Choice): Controller {
  return () => choice
}

/**
 * The paper's rule: text where all that is left can be computed in time, else the highest level at which all that is left
 * arrives in time at the speed of the last chunk, else the lowest. The first chunk is of the middle level.
 */
export const paperController: Controller = (state) => paperRule(state, 0)

/** The same, which also counts the delay of each request. */
export const delayController: Controller = (state) => paperRule(state, state.delay)

function paperRule(state: StreamState, delay: number): Choice {
  const { plan, index, elapsed, slo, samples, hint } = state
  const left = slo - elapsed
  if (recomputeRest(state) <= left) return 'text'
  const speed = samples.at(-1) ?? hint
  if (speed === undefined) return middleLevel(state)
  const waits = (plan.chunks.length - index) * delay
  for (let level = plan.damage.length - 1; level > 0; level--) {
    const bytes = plan.chunks.slice(index).reduce((sum, chunk) => sum + (chunk.bytes[level] as number), 0)
    if (bytes / speed + waits <= left) return level
  }
  return 0
}

function middleLevel({ plan }: StreamState): number {
  return Math.floor((plan.damage.length - 1) / 2)
}

/** Bytes a second to count on, from earlier transfers. */
export function expectedSpeed({ samples, hint }: Pick<StreamState, 'samples' | 'hint'>): number | undefined {
  const last = samples.slice(-SAMPLES)
  if (last.length === 0) return hint
  return (CAUTION * last.length) / last.reduce((sum, speed) => sum + 1 / speed, 0)
}

/** A way to send the chunks so far. */
interface Label {
  readonly arrived: number
  readonly ready: number
  readonly cost: number
  readonly first: Choice
}

/**
 * Plans all chunks that are left: the levels, or text, of least damage with which everything is ready in time at the speed that
 * is counted on; where there are none, those that are ready first. Of plans of equal damage the one that is ready first.
 */
export const planController: Controller = (state) => {
  const { plan, index, elapsed, ready, slo } = state
  const speed = expectedSpeed(state)
  if (speed === undefined) return recomputeRest(state) <= slo - elapsed ? 'text' : middleLevel(state)
  let labels: Label[] = [{ arrived: elapsed, ready: Math.max(ready, elapsed), cost: 0, first: 0 }]
  const rest = leastRest(state, speed)
  let past = tokensBefore(plan, index)
  for (let i = index; i < plan.chunks.length; i++) {
    const next: Label[] = []
    for (const label of labels) {
      for (const option of optionsOf(state, i, past, speed)) {
        const arrived = label.arrived + option.transfer
        const after = Math.max(label.ready, arrived) + option.work
        if (arrived + (rest[i + 1] as number) > slo || after > slo) continue
        next.push({
          arrived,
          ready: after,
          cost: label.cost + option.cost,
          first: i === index ? option.choice : label.first,
        })
      }
    }
    if (next.length === 0) return soonest(state, speed)
    labels = undominated(next)
    past += (plan.chunks[i] as { tokens: number }).tokens
  }
  return labels.reduce((a, b) => (b.cost < a.cost || (b.cost === a.cost && b.ready < a.ready) ? b : a)).first
}

interface Option {
  readonly choice: Choice
  readonly transfer: number
  readonly work: number
  readonly cost: number
}

function optionsOf({ plan, costs, delay }: StreamState, i: number, past: number, speed: number): Option[] {
  const { tokens, bytes, textBytes } = plan.chunks[i] as StreamState['plan']['chunks'][number]
  const decode = costs.decode(tokens)
  const options: Option[] = bytes.map((size, level) => ({
    choice: level,
    transfer: delay + size / speed,
    work: decode,
    cost: Math.max(0, plan.damage[level] as number) * tokens,
  }))
  options.push({ choice: 'text', transfer: delay + textBytes / speed, work: costs.recompute(tokens, past), cost: 0 })
  return options
}

/** Seconds that the chunks behind each need at least to arrive. */
function leastRest({ plan, delay }: StreamState, speed: number): Float64Array {
  const rest = new Float64Array(plan.chunks.length + 1)
  for (let i = plan.chunks.length - 1; i >= 0; i--) {
    const { bytes, textBytes } = plan.chunks[i] as StreamState['plan']['chunks'][number]
    rest[i] = (rest[i + 1] as number) + delay + Math.min(textBytes, ...bytes) / speed
  }
  return rest
}

/** Labels of which none is as cheap, as early and as ready as another; times count in steps of {@link GRID}. */
function undominated(labels: Label[]): Label[] {
  labels.sort((a, b) => a.cost - b.cost || a.arrived - b.arrived || a.ready - b.ready)
  const kept: Label[] = []
  const step = (seconds: number): number => Math.floor(seconds / GRID)
  for (const label of labels) {
    const isWorse = kept.some((own) => step(own.arrived) <= step(label.arrived) && step(own.ready) <= step(label.ready))
    if (!isWorse) kept.push(label)
  }
  return kept
}

/** What is ready first when it is too late: the smallest level for all, or text for all. */
function soonest(state: StreamState, speed: number): Choice {
  const { plan, index, elapsed, ready, delay, costs } = state
  let arrived = elapsed
  let [cached, text] = [Math.max(ready, elapsed), Math.max(ready, elapsed)]
  for (const { tokens, bytes } of plan.chunks.slice(index)) {
    arrived += delay + (bytes[0] as number) / speed
    cached = Math.max(cached, arrived) + costs.decode(tokens)
  }
  text += recomputeRest(state)
  return text < cached ? 'text' : 0
}
