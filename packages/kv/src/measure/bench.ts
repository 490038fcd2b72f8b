/** Which coding is safe for a model and a text: learned on the first part of the text, measured on the rest. */
import { PithError, type Run, throwIfAborted } from '@pith/core'
import type { KvCache, Lm } from '@pith/lm'
import { DEFAULT_LEVEL, fitProfile, LEVELS, writeProfile } from '../cachegen/index.ts'
import type { Method } from '../gear/index.ts'
import { fitAnchor } from './anchor.ts'
import { q8Scheme } from './q8.ts'
import { keepsRecall, type RecallQuestions, type RecallScores, recallQuestions, scoreRecall } from './recall.ts'
import { fitReleased, RELEASED_SETTINGS, releasedScheme } from './released.ts'
import { gearScheme, profileScheme, type Scheme } from './scheme.ts'
import { type Score, type Scores, scoreSchemes } from './score.ts'
import { measureSpeeds } from './speed.ts'

/** What can be measured, in the order of reports. */
export const BENCH_PRESETS = [
  'q8',
  'anchor',
  'released',
  'released-static',
  'cachegen',
  'pca-layer',
  'pca',
  'kivi',
  'had-kivi',
  'gear',
] as const

/** One of {@link BENCH_PRESETS}. */
export type BenchPreset = (typeof BENCH_PRESETS)[number]

/** How a model and a text are measured. */
export interface BenchOptions extends Pick<Run, 'signal' | 'onProgress'> {
  /** Default all. */
  presets?: readonly BenchPreset[]
  /** Tokens of a window: half are compressed, half are foreseen. Default 512, or the context of the model. */
  window?: number
  /** Windows that are learned from, and that are measured, at most. Default 12 and 16. */
  fitWindows?: number
  windows?: number
  /** Nats a token that are allowed. Default 0.02. */
  limit?: number
  /** Rows of each task of recall, for models whose tokenizers have the words for them; 0 asks nothing. Default 16. */
  rows?: number
}

/**
 * Whether a scheme is safe: its interval lies below the limit, above it, or across it. Where a model could be asked what it
 * recalls, a scheme behind which it clearly recalls less is unsafe.
 */
export type Safety = 'safe' | 'unclear' | 'unsafe'

/** One scheme at one setting. */
export interface BenchRow extends Omit<Score, 'name' | 'setting'> {
  readonly preset: BenchPreset
  readonly setting: string
  readonly verdict: Safety
  /** Right answers behind this cache; of settings that a preset has by default, and of those that a verdict hangs on. */
  readonly recall?: RecallScores
  /** Megabytes (10^6) of f32 that are written to a file and read from one in a second; of settings by default. */
  readonly encodeMBps?: number
  readonly decodeMBps?: number
}

/** What {@link benchKv} found. */
export interface KvBench extends Omit<Scores, 'scores'> {
  readonly window: number
  readonly fitWindows: number
  readonly limit: number
  /** Right answers behind the whole cache, where the model could be asked. */
  readonly recall?: Pick<RecallQuestions, 'rows' | 'exact'>
  /** Each preset at the setting that it has by default, by its name; others as `name@setting`. */
  readonly presets: Readonly<Record<string, BenchRow>>
  /** One sentence, with the reason. */
  readonly verdict: string
}

/** The setting by which a preset goes in a report. */
const MAIN: Readonly<Record<BenchPreset, string>> = {
  q8: '8',
  anchor: '1',
  released: '2',
  'released-static': '2',
  cachegen: String(DEFAULT_LEVEL),
  'pca-layer': String(DEFAULT_LEVEL),
  pca: String(DEFAULT_LEVEL),
  kivi: '2',
  'had-kivi': '3',
  gear: '2',
}

/** Factors of the steps of differences. */
const ANCHOR_FACTORS = [0.3, 0.6, 1]

/** Bits of blocks. */
const BLOCK_BITS = [2, 3, 4]

/**
 * Measure codings on a text.
 *
 * @param ids of the text, 8 windows or more
 * @throws PithError `PITH_ARG` a text that is too short, or options outside of their ranges · `PITH_LIMIT`
 */
export async function benchKv(lm: Lm, ids: Int32Array, options: BenchOptions = {}): Promise<KvBench> {
  const { presets = BENCH_PRESETS, limit = 0.02, rows: count = 16, signal } = options
  const run: Pick<Run, 'signal' | 'onProgress'> = {
    ...(signal === undefined ? {} : { signal }),
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
  }
  const { window, fit, score } = splitText(lm, ids, options)
  const schemes = await fitSchemes(lm, fit, presets, run)
  const { scores, ...rest } = await scoreSchemes(lm, score, schemes, run)
  const questions = count === 0 ? undefined : await recallQuestions(lm, ids, count, run)
  const recalled = await recallOf(lm, questions, schemes, scores, limit, run)
  const usual = schemes.filter(isUsual)
  const speeds = await measureSpeeds(lm, score[0] as Int32Array, usual)
  const rows: Record<string, BenchRow> = {}
  for (const [i, own] of scores.entries()) {
    const { name, setting, ...figures } = own
    const preset = name as BenchPreset
    const at = usual.indexOf(schemes[i] as Scheme)
    const recall = recalled.get(schemes[i] as Scheme)
    const isKept = questions === undefined || recall === undefined || keepsRecall(questions.exact, recall)
    rows[at >= 0 ? preset : `${preset}@${setting}`] = {
      ...{ preset, setting, ...figures, verdict: isKept ? safetyOf(own, limit) : 'unsafe' },
      ...(recall === undefined ? {} : { recall }),
      ...speeds[at],
    }
  }
  const verdict = verdictOf(rows, rest, limit, questions)
  return {
    ...{ ...rest, window, fitWindows: fit.length, limit, presets: rows, verdict },
    ...(questions === undefined ? {} : { recall: { rows: questions.rows, exact: questions.exact } }),
  }
}

function isUsual({ name, setting }: Scheme): boolean {
  return MAIN[name as BenchPreset] === setting
}

/** What is recalled behind the presets at their usual settings, and behind smaller ones that the text calls safe. */
async function recallOf(
  lm: Lm,
  questions: RecallQuestions | undefined,
  schemes: readonly Scheme[],
  scores: readonly Score[],
  limit: number,
  run: Pick<Run, 'signal' | 'onProgress'>,
): Promise<Map<Scheme, RecallScores>> {
  const found = new Map<Scheme, RecallScores>()
  if (questions === undefined) return found
  const usual = schemes.filter(isUsual)
  const first = await scoreRecall(lm, questions, usual, run)
  for (const [i, scheme] of usual.entries()) found.set(scheme, first[i] as RecallScores)
  const safe = [...scores.entries()]
    .filter(([, own]) => safetyOf(own, limit) === 'safe')
    .sort(([, a], [, b]) => a.bitsPerElem - b.bitsPerElem)
  for (const [i] of safe) {
    const scheme = schemes[i] as Scheme
    const own = found.get(scheme) ?? ((await scoreRecall(lm, questions, [scheme], run))[0] as RecallScores)
    found.set(scheme, own)
    if (keepsRecall(questions.exact, own)) break
  }
  return found
}

/** Windows of the first third of a text to learn from, and of the rest to measure, spread over each. */
export function splitText(
  lm: Pick<Lm, 'config'>,
  ids: Int32Array,
  { window = Math.min(512, lm.config.ctx), fitWindows = 12, windows = 16 }: BenchOptions,
): { window: number; fit: Int32Array[]; score: Int32Array[] } {
  if (!(Number.isInteger(window) && window >= 32 && window <= lm.config.ctx)) {
    throw new PithError('PITH_ARG', `window must be 32..${lm.config.ctx}, got ${window}`)
  }
  const count = Math.floor(ids.length / window)
  const first = Math.floor(count / 3)
  if (first < 2) {
    throw new PithError('PITH_ARG', `the text has ${ids.length} tokens, ${6 * window} are needed`, {
      hint: 'Give a longer text, or a smaller --window.',
    })
  }
  const take = (from: number, to: number, most: number): Int32Array[] => {
    const own = Math.min(most, to - from)
    return Array.from({ length: own }, (_, i) => {
      const at = from + Math.floor((i * (to - from)) / own)
      return ids.subarray(at * window, (at + 1) * window)
    })
  }
  return { window, fit: take(0, first, fitWindows), score: take(first, count, windows) }
}

/** Learn what the presets need, and give each at all its settings. */
export async function fitSchemes(
  lm: Lm,
  fit: readonly Int32Array[],
  presets: readonly BenchPreset[],
  run: Pick<Run, 'signal' | 'onProgress'> = {},
): Promise<Scheme[]> {
  const caches: KvCache[] = []
  if (presets.some((preset) => preset === 'anchor' || preset === 'released-static')) {
    for (const ids of fit) {
      throwIfAborted(run.signal)
      const session = lm.session({ capacity: ids.length })
      await session.prefill(ids, { logits: 'none' })
      caches.push(session.kv())
    }
  }
  const schemes: Scheme[] = []
  for (const preset of BENCH_PRESETS) {
    if (!presets.includes(preset)) continue
    throwIfAborted(run.signal)
    if (preset === 'q8') schemes.push(q8Scheme)
    else if (preset === 'anchor') schemes.push(...ANCHOR_FACTORS.map((factor) => fitAnchor(caches, factor)))
    else if (preset === 'released') schemes.push(...RELEASED_SETTINGS.map(releasedScheme))
    else if (preset === 'released-static') {
      schemes.push(...RELEASED_SETTINGS.map((setting) => fitReleased(caches, setting)))
    } else if (preset === 'kivi' || preset === 'had-kivi' || preset === 'gear') {
      schemes.push(...blockSchemes(lm, preset))
    } else {
      const profile = await fitProfile(lm, fit, { preset, ...run })
      const { length } = writeProfile(profile)
      schemes.push(...LEVELS.map((_, i) => profileScheme(profile, i + 1, length)))
    }
  }
  return schemes
}

/** Blocks at 2, 3 and 4 bits; heads whose width is no power of two cannot be rotated. */
export function blockSchemes({ config: { headDim } }: Pick<Lm, 'config'>, method: Method): Scheme[] {
  if (method === 'had-kivi' && (headDim & (headDim - 1)) !== 0) return []
  const group = Math.min(64, headDim)
  return BLOCK_BITS.map((bits) => gearScheme(String(bits), { method, bits, group }))
}

function safetyOf({ interval: [low, high] }: Score, limit: number): Safety {
  return high <= limit ? 'safe' : low > limit ? 'unsafe' : 'unclear'
}

function verdictOf(
  rows: Readonly<Record<string, BenchRow>>,
  { windows, tokens }: Omit<Scores, 'scores'>,
  limit: number,
  questions: RecallQuestions | undefined,
): string {
  const best = Object.entries(rows)
    .filter(([, { verdict }]) => verdict === 'safe')
    .sort(([, a], [, b]) => a.bitsPerElem - b.bitsPerElem)[0]
  const on = `on ${tokens} tokens of ${windows} windows`
  if (best === undefined)
    return `Nothing that was measured is safe here: each may cost more than ${limit} nats a token ${on}.`
  const [name, { bitsPerElem, vs8bit, dNLL, interval, recall }] = best
  const isAsked = questions !== undefined && Object.keys(questions.asked).length > 0 && recall !== undefined
  const recalls = isAsked ? ', and what is asked about the context is answered as behind the exact cache' : ''
  const [low, high] = interval.map((x) => x.toFixed(4))
  return `${name} is safe here: ${vs8bit.toFixed(1)} times smaller than 8 bits (${bitsPerElem.toFixed(2)} bits a number), because ${on} it costs ${dNLL.toFixed(4)} nats a token, with 95 % certainty ${low} to ${high}, below ${limit}${recalls}.`
}
