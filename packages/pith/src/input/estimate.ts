import { stat } from 'node:fs/promises'
import {
  type BlockOptions,
  type Codec,
  type CommandContext,
  concatBytes,
  type EntryWriter,
  formatBytes,
  formatDuration,
  formatRatio,
  PithError,
  type Source,
  toSource,
} from '@pith/core'
import { type FileSource, fileSource, withPath } from '@pith/core/node'
import type { CompressPlan } from '../verbs/compress.ts'
import { encodeWith, pickCodec } from './encode-entry.ts'
import { gather } from './gather.ts'
import { unwrap, unwrappedName, type Wrapper } from './unwrap.ts'
import { wrapperAround } from './wrapped-source.ts'

/** Bytes of one file that are compressed to judge it; smaller files are compressed whole. */
const SAMPLE_PART = 1 << 20
const SAMPLE_PARTS = 3
/** Bytes of all files together that are sampled. */
const SAMPLE_ALL = 24 << 20

interface Sampled {
  readonly codec: string
  /** Bytes of the file, unwrapped where that is known. */
  readonly bytes: number
  readonly sampledBytes: number
  readonly codedBytes: number
  readonly ms: number
  /** Least and most that one part kept of its size. */
  readonly rates: readonly number[]
}

/** Say how small the inputs would get and how long that would take, from samples that are compressed for it. */
export async function estimate(plan: CompressPlan, context: CommandContext): Promise<number> {
  if (plan.paths[0] === '-') {
    throw new PithError('PITH_ARG', 'stdin cannot be sampled', { hint: 'Name a file.' })
  }
  const samples: Sampled[] = []
  let left = SAMPLE_ALL
  for (const { place, size } of await filesOf(plan, context)) {
    context.signal.throwIfAborted()
    const sample = await sampleFile(place, size, Math.max(0, left), plan)
    left -= sample.sampledBytes
    samples.push(sample)
  }
  await show(samples, plan, context)
  return 0
}

async function filesOf(plan: CompressPlan, context: CommandContext): Promise<{ place: string; size: number }[]> {
  const [path] = plan.paths
  const info = await withPath(path!, () => stat(path!))
  if (plan.paths.length === 1 && info.isFile()) return [{ place: path!, size: info.size }]
  return (await gather(plan.paths, (line) => context.note(line))).filter((item) => item.kind === 'file')
}

async function sampleFile(place: string, size: number, budget: number, plan: CompressPlan): Promise<Sampled> {
  const source = await fileSource(place, { signal: plan.run.signal })
  try {
    const single = plan.paths.length === 1
    const wrapper = plan.unwrap && single && plan.choices.method === undefined ? await wrapperAround(source) : undefined
    const parts = wrapper === undefined ? partsOf(size, budget) : []
    const bytes: Uint8Array[] = []
    for (const { offset, length } of parts) bytes.push(await source.read(offset, length))
    let inside = size
    if (wrapper !== undefined) {
      const inner = await firstInside(wrapper, source, Math.min(budget, SAMPLE_PART * SAMPLE_PARTS))
      bytes.push(inner.bytes)
      inside = inner.total
    }
    const name = wrapper === undefined ? source.name : unwrappedName(source.name)
    const named = (part: Uint8Array): Source => toSource(part, { name })
    const codec = await pickCodec(named(bytes[0] ?? new Uint8Array(0)), plan.choices)
    return { codec: codec.id, bytes: inside, ...(await compressParts(bytes.map(named), codec, plan)) }
  } finally {
    await source.close()
  }
}

async function compressParts(
  parts: readonly Source[],
  codec: Codec,
  plan: CompressPlan,
): Promise<Pick<Sampled, 'sampledBytes' | 'codedBytes' | 'ms' | 'rates'>> {
  const { onProgress: _, ...run } = plan.run
  let sampledBytes = 0
  let codedBytes = 0
  const rates: number[] = []
  const started = performance.now()
  for (const part of parts) {
    const counter = new CountingWriter()
    await encodeWith(codec, part, counter, plan.choices, run)
    const size = part.size ?? 0
    sampledBytes += size
    codedBytes += counter.bytes
    if (size > 0) rates.push(counter.bytes / size)
  }
  return { sampledBytes, codedBytes, ms: performance.now() - started, rates }
}

/** Parts from the start, the middle and the end; the whole file where it is not much longer. */
function partsOf(size: number, budget: number): { offset: number; length: number }[] {
  const part = Math.min(SAMPLE_PART, Math.floor(budget / SAMPLE_PARTS))
  if (size === 0 || part === 0) return []
  if (size <= part * (SAMPLE_PARTS + 1)) return [{ offset: 0, length: size }]
  const last = size - part
  return Array.from({ length: SAMPLE_PARTS }, (_, i) => ({
    offset: Math.floor((last * i) / (SAMPLE_PARTS - 1)),
    length: part,
  }))
}

/** The first bytes inside a wrapper, and how many there are: what the first packed bytes gave, the rest will give too. */
async function firstInside(
  wrapper: Wrapper,
  source: FileSource,
  length: number,
): Promise<{ bytes: Uint8Array; total: number }> {
  const parts: Uint8Array[] = []
  let taken = 0
  let got = 0
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source.stream()) {
      taken += chunk.length
      yield chunk
    }
  }
  for await (const part of unwrap(wrapper, counted())) {
    parts.push(part.slice())
    got += part.length
    if (got >= length) break
  }
  const total = taken >= source.size ? got : Math.round((got * source.size) / Math.max(1, taken))
  return { bytes: concatBytes(parts), total }
}

async function show(samples: readonly Sampled[], plan: CompressPlan, context: CommandContext): Promise<void> {
  const sum = (pick: (sample: Sampled) => number): number => samples.reduce((total, sample) => total + pick(sample), 0)
  const bytesIn = sum((sample) => sample.bytes)
  const sampledBytes = sum((sample) => sample.sampledBytes)
  const whole = sampledBytes === bytesIn
  const rate = sampledBytes === 0 ? 1 : sum((sample) => sample.codedBytes) / sampledBytes
  // A longer input repeats more than its samples show: what parts keep is the most that the whole will.
  const rates = samples.flatMap((sample) => sample.rates)
  const low = whole ? rate : Math.min(...rates, rate) * 0.7
  const high = whole ? rate : Math.max(...rates, rate)
  const [least, most] = [Math.round(bytesIn * low), Math.round(bytesIn * high)]
  const ms = sampledBytes === 0 ? 0 : (sum((sample) => sample.ms) * bytesIn) / sampledBytes
  const codecs = [...new Set(samples.map((sample) => sample.codec))]
  if (context.json) {
    await context.report({ dryRun: true, bytesIn, bytesOut: [least, most], ms: Math.round(ms), sampledBytes, codecs })
    return
  }
  const name = plan.paths.length === 1 ? plan.paths[0]! : `${plan.paths.length} inputs`
  const range = least === most ? formatBytes(most) : `${formatBytes(least)} to ${formatBytes(most)}`
  const ratio = most === 0 ? '-' : formatRatio(bytesIn / most)
  await context.stdout.write(
    `${name}: ${formatBytes(bytesIn)} -> about ${range} (${least === most ? '' : 'at least '}${ratio}), ` +
      `${codecs.join(' + ')}, about ${formatDuration(ms)}\n`,
  )
}

/** Counts what a codec would write. */
class CountingWriter implements EntryWriter {
  bytes = 0
  #profiles = 0

  async profile(payload: Uint8Array): Promise<number> {
    this.bytes += payload.length
    this.#profiles++
    return this.#profiles
  }

  async block(_section: string, payload: Uint8Array, _options: BlockOptions): Promise<void> {
    this.bytes += payload.length
  }

  async summary(payload: Uint8Array): Promise<void> {
    this.bytes += payload.length
  }

  async commit(): Promise<void> {}
}
