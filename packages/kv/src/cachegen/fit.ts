/** Learning a profile from texts that a model reads. */
import { meterProgress, PithError, type Run, throwIfAborted } from '@pith/core'
import { eigh, matmul, matrixOf } from '@pith/engine/linalg'
import { KvCache, type Lm, logProbability } from '@pith/lm'
import { frameCodec } from './codec.ts'
import {
  type FrameSource,
  gatherFrame,
  jointLayers,
  type Kind,
  type LayerRange,
  singleLayers,
  takeLayer,
} from './frames.ts'
import { deviationOfDifferences, reachOfAnchors } from './groups.ts'
import { type KvProfile, LEVELS, type Preset, type ProfileSet, stepOf } from './profile.ts'
import { CLASSES, classOf, ESCAPE, fitTables, REACH, SYMBOLS } from './tables.ts'
import { roundBasis, type Transform } from './transform.ts'

/** How a profile is learned. */
export interface FitOptions extends Pick<Run, 'signal' | 'onProgress'> {
  preset?: Preset
  /** Nats that text behind a cache of the default level may cost more, on the texts of the fit. Default 0.01. */
  damage?: number
  /** Tokens at the start that are left out, as they are stored apart. Default 4. */
  sinks?: number
}

/** Factors of steps by thirds of the layers: early ones are more sensitive (the paper, section 5.2, which has those of anchor). */
const BY_THIRD = { anchor: [0.5, 1, 1.5], cachegen: [0.7, 1, 1.3] } as const

/** Halvings of the range of steps. */
const HALVINGS = 8

/** Steps that are searched, against the mean deviation of all numbers. */
const STEPS: readonly [low: number, high: number] = [0.05, 16]

/** Components with a deviation below this part of the finest step are not kept. */
const LEAST = 1 / 3

/** A text that was read, with what the attention of keys is measured by. */
interface Sample {
  readonly ids: Int32Array
  readonly kv: KvCache
  /** f64[layers][kvHeads * headDim]: sums of squared queries, the two halves of a rotary pair together. */
  readonly queries: readonly Float64Array[]
}

/**
 * Learn how the caches of a model are coded smallest: a basis for each run of layers, one step, and tables. The first half of
 * each text is what is compressed, the second what is foreseen from it.
 *
 * @param texts ids, each of 32 tokens or more
 * @throws PithError `PITH_ARG` texts that are too few or too short · `PITH_LIMIT` longer than the model's context
 */
export async function fitProfile(lm: Lm, texts: readonly Int32Array[], options: FitOptions = {}): Promise<KvProfile> {
  const { preset = 'pca', damage = 0.01, sinks = 4, signal } = options
  if (texts.length < 2 || texts.some((ids) => ids.length < 32)) {
    throw new PithError('PITH_ARG', 'a profile is learned from 2 texts or more, each of 32 tokens or more')
  }
  const meter = meterProgress(options, {
    stage: 'profile',
    unit: 'steps',
    total: texts.length + HALVINGS + LEVELS.length,
  })
  const samples: Sample[] = []
  for (const ids of texts) {
    throwIfAborted(signal)
    samples.push(await readSample(lm, ids))
    meter.update(samples.length)
  }
  const { layers, kvHeads, headDim, ropeTheta } = lm.config
  const base = {
    layers,
    kvHeads,
    headDim,
    ropeTheta,
    arch: lm.fingerprint.arch,
    weights: lm.fingerprint.weights,
    preset,
  }
  const ranges = preset === 'pca' ? jointLayers(lm.config) : singleLayers(lm.config)
  const drafts: Draft[] = []
  for (const kind of ['k', 'v'] as const) {
    for (const range of ranges) {
      throwIfAborted(signal)
      drafts.push(await fitSet(samples, kind, range, layers, preset, sinks))
    }
  }
  const whole: KvProfile = { ...base, ...finish(drafts, 1, undefined), step: 1, damage: [] }
  const exact = await foresight(lm, samples, async (kv) => kv)
  const measure = async (step: number): Promise<number> => {
    throwIfAborted(signal)
    const codec = frameCodec(whole)
    return (await foresight(lm, samples, (kv) => roundCache(kv, whole, codec.round, step, sinks))) - exact
  }
  const mean = meanUnit(drafts)
  let [low, high] = STEPS.map((step) => Math.log(step * mean)) as [number, number]
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2
    if ((await measure(Math.exp(middle))) <= damage) low = middle
    else high = middle
    meter.update(samples.length + i + 1)
  }
  const step = Math.fround(Math.exp(low))
  const profile: KvProfile = { ...base, ...finish(drafts, step, undefined), step, damage: [] }
  const kept: KvProfile = { ...profile, tables: await countTables(profile, samples, sinks) }
  const damages: number[] = []
  for (let level = 1; level <= LEVELS.length; level++) {
    damages.push(Math.fround(await measure(stepOf(kept, level))))
    meter.update(samples.length + HALVINGS + level)
  }
  meter.finish()
  return { ...kept, damage: damages }
}

/** A set before the step is known. */
interface Draft extends FrameSource {
  readonly transform: Transform
  /** Rows of the basis before rounding, or none. */
  readonly rows?: Float64Array
  readonly unit: Float32Array
  /** Deviations of the components. */
  readonly sigma: Float32Array
  readonly anchors?: Float32Array
}

async function readSample(lm: Lm, ids: Int32Array): Promise<Sample> {
  const { layers, heads, kvHeads, headDim } = lm.config
  const session = lm.session({ capacity: ids.length })
  const each = Array.from({ length: layers }, (_, layer) => layer)
  const { queries } = await session.read(ids, { queries: each })
  const rows = (heads / kvHeads) * ids.length
  const sums = each.map((layer) => {
    const q = queries.get(layer) as Float32Array
    const out = new Float64Array(kvHeads * headDim)
    for (let head = 0; head < kvHeads; head++) {
      for (let row = 0; row < rows; row++) {
        const at = (head * rows + row) * headDim
        for (let i = 0; i < headDim; i++) {
          const own = head * headDim + i
          out[own] = (out[own] as number) + (q[at + i] as number) ** 2 / rows
        }
      }
      const half = headDim / 2
      for (let i = 0; i < half; i++) {
        const [a, b] = [head * headDim + i, head * headDim + half + i]
        const both = ((out[a] as number) + (out[b] as number)) / 2
        out[a] = both
        out[b] = both
      }
    }
    return out
  })
  return { ids, kv: session.kv(), queries: sums }
}

async function fitSet(
  samples: readonly Sample[],
  kind: Kind,
  range: LayerRange,
  layers: number,
  preset: Preset,
  sinks: number,
): Promise<Draft> {
  const own: FrameSource = { kind, layers: range, ...(preset === 'anchor' ? { turned: true } : {}) }
  const frames = samples.map(({ kv }) => gatherFrame(kv.slice(sinks, kv.length), own))
  const kv = (samples[0] as Sample).kv
  const width = (range.to - range.from) * kv.width
  const third = Math.min(2, Math.floor((3 * range.from) / layers))
  if (preset === 'anchor') {
    const anchors = reachOfAnchors(frames, width)
    const sigma = deviationOfDifferences(frames, anchors)
    const transform = { mean: new Float32Array(width), gain: new Float32Array(width).fill(1) }
    const factor = BY_THIRD.anchor[third] as number
    return { ...own, transform, unit: sigma.map((deviation) => deviation * factor), sigma, anchors }
  }
  const count = frames.reduce((sum, frame) => sum + frame.length / width, 0)
  const mean = new Float64Array(width)
  for (const frame of frames)
    for (let i = 0; i < frame.length; i++) mean[i % width] = (mean[i % width] as number) + (frame[i] as number) / count
  const gain = kind === 'k' && preset !== 'cachegen' ? gainOf(samples, range) : new Float32Array(width).fill(1)
  const centred = new Float64Array(count * width)
  let at = 0
  for (const frame of frames) {
    for (let i = 0; i < frame.length; i++, at++) {
      const column = i % width
      centred[at] = ((frame[i] as number) - (mean[column] as number)) * (gain[column] as number)
    }
  }
  const transform = { mean: Float32Array.from(mean), gain }
  if (preset === 'cachegen') {
    const sigma = new Float32Array(width)
    for (let column = 0; column < width; column++) {
      let sum = 0
      for (let row = 0; row < count; row++) sum += (centred[row * width + column] as number) ** 2
      sigma[column] = Math.sqrt(sum / count)
    }
    const factor = BY_THIRD.cachegen[third] as number
    return { ...own, transform, unit: sigma.map((deviation) => deviation * factor), sigma }
  }
  const x = matrixOf(centred, count, width)
  const { values, vectors } = await eigh(await matmul(x, x, { ta: true }))
  const rows = new Float64Array(width * width)
  for (let i = 0; i < width; i++)
    for (let r = 0; r < width; r++) rows[r * width + i] = vectors.data[i * width + r] as number
  const sigma = Float32Array.from(values, (value) => Math.sqrt(Math.max(0, value) / count))
  return { ...own, transform, rows, unit: new Float32Array(width).fill(1), sigma }
}

/** Root mean square of the queries that read each number of a key, 1 on average: an error there moves scores by as much. */
function gainOf(samples: readonly Sample[], { from, to }: LayerRange): Float32Array {
  const parts: number[] = []
  for (let layer = from; layer < to; layer++) {
    const width = (samples[0] as Sample).queries[layer]?.length ?? 0
    for (let i = 0; i < width; i++) {
      const sum = samples.reduce((total, { queries }) => total + ((queries[layer] as Float64Array)[i] as number), 0)
      parts.push(Math.sqrt(sum / samples.length))
    }
  }
  const mean = parts.reduce((sum, part) => sum + part, 0) / parts.length
  return Float32Array.from(parts, (part) => Math.max(part / mean, 1e-3))
}

/** Rounded bases of the components that a step needs, and the classes of each level. */
function finish(
  drafts: readonly Draft[],
  step: number,
  tables: Uint16Array | undefined,
): Pick<KvProfile, 'sets' | 'tables'> {
  const finest = step * (LEVELS.at(-1) as number)
  const sets = drafts.map(({ kind, layers, turned, transform, rows, unit, sigma, anchors }): ProfileSet => {
    const width = transform.mean.length
    let kept = sigma.length
    // Components fall in deviation.
    if (rows !== undefined && step !== 1) while (kept > 0 && (sigma[kept - 1] as number) < LEAST * finest) kept--
    const classes = new Uint8Array(LEVELS.length * kept)
    for (const [l, factor] of LEVELS.entries()) {
      for (let c = 0; c < kept; c++) {
        classes[l * kept + c] = classOf((sigma[c] as number) / ((unit[c] as number) * step * factor))
      }
    }
    const basis = rows === undefined ? {} : { basis: roundBasis(rows, kept, width) }
    const grouped = anchors === undefined ? {} : { turned: turned === true, anchors }
    return { kind, layers, ...transform, ...basis, unit: unit.slice(0, kept), classes, ...grouped }
  })
  return { sets, tables: tables ?? fitTables(Array.from({ length: CLASSES }, () => new Float64Array(SYMBOLS))) }
}

/** Tables of the symbols that the classes had at all levels. */
async function countTables(profile: KvProfile, samples: readonly Sample[], sinks: number): Promise<Uint16Array> {
  const counts = Array.from({ length: CLASSES }, () => new Float64Array(SYMBOLS))
  const codec = frameCodec(profile)
  for (const [s, set] of profile.sets.entries()) {
    for (const { kv } of samples) {
      const frame = gatherFrame(kv.slice(sinks, kv.length), set)
      for (let level = 1; level <= LEVELS.length; level++) {
        const codes = await codec.codes(s, stepOf(profile, level), frame)
        const tokens = codes.length / set.unit.length
        for (let c = 0; c < set.unit.length; c++) {
          const own = counts[set.classes[(level - 1) * set.unit.length + c] as number] as Float64Array
          for (let t = 0; t < tokens; t++) {
            const code = codes[c * tokens + t] as number
            const symbol = Math.abs(code) > REACH ? ESCAPE : code + REACH
            own[symbol] = (own[symbol] as number) + 1
          }
        }
      }
    }
  }
  return fitTables(counts)
}

/** A cache as it comes back when it is coded with a step: tokens at the start stay as they are. */
export async function roundCache(
  kv: KvCache,
  profile: KvProfile,
  round: (set: number, step: number, frame: Float32Array) => Promise<Float32Array>,
  step: number,
  sinks: number,
): Promise<KvCache> {
  const rest = kv.slice(Math.min(sinks, kv.length), kv.length)
  const keys: Float32Array[] = []
  const values: Float32Array[] = []
  for (const [index, set] of profile.sets.entries()) {
    const frame = await round(index, step, gatherFrame(rest, set))
    for (let layer = set.layers.from; layer < set.layers.to; layer++) {
      ;(set.kind === 'k' ? keys : values)[layer] = takeLayer(frame, set, layer, rest.positions, rest)
    }
  }
  return kv.slice(0, kv.length - rest.length).concat(new KvCache({ ...partsOf(rest), keys, values }))
}

function partsOf(kv: KvCache): Omit<ConstructorParameters<typeof KvCache>[0], 'keys' | 'values'> {
  const { fp, layers, kvHeads, headDim, ropeTheta, tokens, positions } = kv
  return { fp, layers, kvHeads, headDim, ropeTheta, tokens, positions }
}

/** Mean nats of a token of the second half of texts behind the cache of the first, after something was done to it. */
export async function foresight(
  lm: Lm,
  samples: readonly { readonly ids: Int32Array; readonly kv: KvCache }[],
  change: (kv: KvCache) => Promise<KvCache>,
): Promise<number> {
  let sum = 0
  let count = 0
  const { vocab } = lm.config
  for (const { ids, kv } of samples) {
    const half = Math.floor(ids.length / 2)
    const session = lm.session({ capacity: ids.length })
    session.attachKv(await change(kv.slice(0, half)))
    const logits = await session.prefill(ids.subarray(half), { logits: 'all' })
    for (let i = half; i + 1 < ids.length; i++, count++) {
      sum -= logProbability(logits.subarray((i - half) * vocab, (i - half + 1) * vocab), ids[i + 1] as number)
    }
  }
  return sum / count
}

function meanUnit(drafts: readonly Draft[]): number {
  let sum = 0
  let count = 0
  for (const { sigma, unit } of drafts) {
    for (const [c, deviation] of sigma.entries()) {
      sum += deviation / (unit[c] || 1)
      count++
    }
  }
  return sum / count
}
