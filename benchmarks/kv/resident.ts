/** A past that stays compressed: what a token costs behind it, and what it loses of text that is read through it. */
import { bootstrapMean } from '@pith/core'
import { type ResidentOptions, residentSession } from '@pith/kv/gear'
import { Lm, type LmConfig, logProbability } from '@pith/lm'
import { randomParams } from '@pith/lm/testing'
import { CONFIG } from '../../scripts/train-recall/settings.ts'
import { type AcceptContext, atMost, costAtMost } from '../measure/accept.ts'
import type { BenchContext } from '../measure/case.ts'
import { textTable } from '../measure/table.ts'
import { storySetting } from './setting.ts'

/** Tokens that are read before those that are timed. */
const PAST = 4096

/** Tokens of a turn. */
const TURN = 8

/** The shape of the reference model, for longer texts. */
const SHAPE: LmConfig = { ...CONFIG, ctx: 4608 }

/** Windows whose second halves are read behind a compressed past. */
const WINDOWS = 16

/** What is measured, by name. */
const WAYS: Readonly<Record<string, ResidentOptions>> = {
  'kivi, 2 bits': { method: 'kivi', bits: 2 },
  'had-kivi, 2 bits': { bits: 2 },
  'gear-l, 2 bits': { method: 'gear-l', bits: 2 },
  'gear, 2 bits': { method: 'gear', bits: 2 },
  'kivi, 3 bits': { method: 'kivi', bits: 3 },
  'had-kivi, 3 bits': {},
  'had-kivi, 4 bits': { bits: 4 },
}

/** Ways without the kernel. */
const SLOW_WAYS: Readonly<Record<string, ResidentOptions>> = {
  'had-kivi, 3 bits, twin of the kernel': { target: 'twin' },
  'had-kivi, 3 bits, plain loops': { target: 'plain' },
}

/** What a way of holding the past costs. */
export interface ResidentCost {
  readonly name: string
  /** CPU milliseconds of a token. */
  readonly ms: number
  /** The same in single precision. */
  readonly exactMs: number
  /** Bytes of keys and values, and those of single precision. */
  readonly bytes: number
  readonly exactBytes: number
}

/** Tokens behind {@link PAST} others of a model of random weights, turn by turn, the ways beside each other. */
export async function measureCosts(
  turns: number,
  ways: Readonly<Record<string, ResidentOptions>>,
): Promise<ResidentCost[]> {
  const lm = new Lm({ config: SHAPE, params: randomParams(SHAPE, 1) })
  try {
    const ids = Int32Array.from({ length: PAST }, (_, i) => (i * 7919) % SHAPE.vocab)
    const exact = lm.session({ capacity: PAST + TURN })
    await exact.prefill(ids)
    const own = []
    for (const [name, options] of Object.entries(ways)) {
      const session = residentSession(lm, options)
      await session.prefill(ids)
      own.push({ name, session, ms: Number.POSITIVE_INFINITY })
    }
    let exactMs = Number.POSITIVE_INFINITY
    for (let turn = 0; turn < turns; turn++) {
      exactMs = Math.min(exactMs, await perToken(exact))
      for (const one of own) one.ms = Math.min(one.ms, await perToken(one.session))
    }
    const exactBytes = 8 * SHAPE.layers * SHAPE.kvHeads * SHAPE.headDim * PAST
    return own.map(({ name, session, ms }) => ({ name, ms, exactMs, bytes: session.kvBytes(), exactBytes }))
  } finally {
    await lm.close()
  }
}

/** CPU milliseconds of a token; the session is as before afterwards. */
async function perToken(session: {
  truncate(tokens: number): void
  decode(id: number): Promise<unknown>
}): Promise<number> {
  const before = process.cpuUsage()
  for (let t = 0; t < TURN; t++) await session.decode(t)
  const { user, system } = process.cpuUsage(before)
  session.truncate(PAST)
  return (user + system) / 1000 / TURN
}

/** What a way of holding the past loses. */
interface ResidentLoss {
  readonly name: string
  /** All that is stored for a number in a block. */
  readonly bits: number
  /** Nats by which a token is foreseen worse, with its interval over windows. */
  readonly dNLL: number
  readonly interval: readonly [low: number, high: number]
}

/** Second halves of windows, read behind the first halves and through the blocks that they become themselves. */
async function measureLosses(): Promise<{ model: string; window: number; windows: number; losses: ResidentLoss[] }> {
  const { lm, model, window, score } = await storySetting(1)
  const windows = score.slice(0, WINDOWS)
  const half = window / 2
  const { vocab, layers, kvHeads, headDim } = lm.config
  const nll = (logits: Float32Array, ids: Int32Array): number => {
    let sum = 0
    for (const [i, id] of ids.entries()) sum -= logProbability(logits.subarray(i * vocab, (i + 1) * vocab), id)
    return sum / ids.length
  }
  try {
    const own = Object.keys(WAYS).map((name) => ({ name, bits: 0, differences: [] as number[] }))
    for (const ids of windows) {
      const rest = ids.subarray(half, window - 1)
      const wanted = ids.subarray(half + 1)
      const exact = lm.session({ capacity: window })
      await exact.prefill(ids.subarray(0, half), { logits: 'none' })
      const least = nll(await exact.prefill(rest, { logits: 'all' }), wanted)
      for (const one of own) {
        const session = residentSession(lm, WAYS[one.name])
        const empty = session.kvBytes()
        await session.prefill(ids.subarray(0, half))
        one.differences.push(nll(await session.read(rest, [...rest.keys()]), wanted) - least)
        one.bits = (8 * (session.kvBytes() - empty)) / (2 * layers * kvHeads * headDim * session.compressed)
      }
    }
    const losses = own.map(({ name, bits, differences }): ResidentLoss => {
      const { value, interval } = bootstrapMean(differences)
      return { name, bits, dNLL: value, interval }
    })
    return { model, window, windows: windows.length, losses }
  } finally {
    await lm.close()
  }
}

/** `npm run bench -- kv --only resident` */
export async function benchResident(context: BenchContext): Promise<void> {
  const costs = [...(await measureCosts(context.repeats, WAYS)), ...(await measureCosts(2, SLOW_WAYS))]
  const { model, window, windows, losses } = await measureLosses()
  for (const { name, ms, exactMs, bytes, exactBytes } of costs) {
    context.add({
      system: 'kv',
      kind: 'resident',
      peer: { name: 'single precision' },
      data: { name: 'random weights, 6 layers of 4 heads of 64', bytes: exactBytes },
      params: { way: name, past: PAST, threads: 1 },
      ours: { cpuMs: ms, bytes },
      theirs: { cpuMs: exactMs, bytes: exactBytes },
      vs: { cpu: ms / exactMs, bytes: bytes / exactBytes },
      repeats: context.repeats,
    })
  }
  for (const { name, bits, dNLL, interval } of losses) {
    context.add({
      system: 'kv',
      kind: 'resident-loss',
      peer: { name: 'single precision' },
      data: { name: `${model}, stories`, bytes: windows * window },
      params: { way: name, window, windows },
      ours: { quality: { bitsPerElem: bits, dNLL, low: interval[0], high: interval[1] } },
      theirs: { quality: { bitsPerElem: 32, dNLL: 0 } },
      vs: { bits: bits / 32 },
      repeats: 1,
    })
  }
  context.say(
    textTable(
      [`token behind ${PAST}`, 'CPU ms', 'single precision', 'time', 'bytes'],
      costs.map(({ name, ms, exactMs, bytes, exactBytes }) => [
        name,
        ms.toFixed(2),
        exactMs.toFixed(2),
        `${(ms / exactMs).toFixed(2)}x`,
        `${(bytes / exactBytes).toFixed(4)}x`,
      ]),
    ),
  )
  context.say(
    textTable(
      [`${model}, ${windows} windows of ${window}`, 'bits', 'nats', 'interval'],
      losses.map(({ name, bits, dNLL, interval }) => [
        name,
        bits.toFixed(2),
        dNLL.toFixed(4),
        interval.map((x) => x.toFixed(4)).join(' .. '),
      ]),
    ),
  )
}

/** Bytes and time of a token behind a long past, against one in single precision. */
export async function acceptResident(context: AcceptContext): Promise<void> {
  const ways = Object.fromEntries(['had-kivi, 3 bits', 'had-kivi, 2 bits'].map((name) => [name, WAYS[name] ?? {}]))
  for (const { name, ms, exactMs, bytes, exactBytes } of await measureCosts(7, ways)) {
    context.say(`${name}: ${ms.toFixed(2)} ms a token behind ${PAST}, in single precision ${exactMs.toFixed(2)}`)
    atMost(context, `${name}, bytes of the past against single precision`, bytes / exactBytes, 0.15)
    costAtMost(context, `${name}, time of a token behind ${PAST}`, ms / exactMs, 1.5)
  }
}
