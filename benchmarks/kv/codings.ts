/** Bits and losses of codings of caches on held-out text, all behind the same windows in one run. */
import {
  BENCH_PRESETS,
  bitsAtLoss,
  fitAnchor,
  fitSchemes,
  gearScheme,
  type Score,
  type Scores,
  scoreSchemes,
} from '@pith/kv/measure'
import type { KvCache } from '@pith/lm'
import { type AcceptContext, atMost } from '../measure/accept.ts'
import type { BenchContext } from '../measure/case.ts'
import { textTable } from '../measure/table.ts'
import { idsOfFile, loadKvModel, type Setting, spreadWindows, storySetting } from './setting.ts'

/** Nats that a cache may cost, and nats at which codings are compared. */
const LIMIT = 0.02
const EQUAL = 0.01

/** More settings of the paper's scheme, so that its curve is fine where it is compared. */
const FINER_ANCHORS = [0.2, 0.45]

/** Windows behind which GEAR is measured against KIVI, and less of them where a run must be short. */
const GEAR_WINDOWS = 192
const FEW_GEAR_WINDOWS = 24

let measured: Promise<{ setting: Omit<Setting, 'lm'>; scores: Scores }> | undefined

/** Measured once in a process. */
export function measureCodings(scale: number): Promise<{ setting: Omit<Setting, 'lm'>; scores: Scores }> {
  return (measured ??= measure(scale))
}

async function measure(scale: number): Promise<{ setting: Omit<Setting, 'lm'>; scores: Scores }> {
  const { lm, ...setting } = await storySetting(scale)
  try {
    const schemes = await fitSchemes(lm, setting.fit, BENCH_PRESETS)
    const caches: KvCache[] = []
    for (const ids of setting.fit) {
      const session = lm.session({ capacity: ids.length })
      await session.prefill(ids, { logits: 'none' })
      caches.push(session.kv())
    }
    const finer = FINER_ANCHORS.map((factor) => fitAnchor(caches, factor))
    return { setting, scores: await scoreSchemes(lm, setting.score, [...schemes, ...finer]) }
  } finally {
    await lm.close()
  }
}

/** `npm run bench -- kv --only codings` */
export async function benchCodings(context: BenchContext): Promise<void> {
  const { setting, scores } = await measureCodings(context.scale)
  const q8 = scores.scores.find(({ name }) => name === 'q8') as Score
  for (const own of scores.scores) {
    const { name, setting: at, bitsPerElem, vs8bit, dNLL, interval, kl, top1, profileBytes } = own
    context.add({
      system: 'kv',
      kind: 'codings',
      peer: { name: 'q8' },
      data: { name: `${setting.model}, stories`, bytes: scores.tokens },
      params: { coding: name, setting: at, window: setting.window, windows: scores.windows },
      ours: {
        quality: { bitsPerElem, dNLL, low: interval[0], high: interval[1], kl, top1, profileBytes: profileBytes ?? 0 },
      },
      theirs: { quality: { bitsPerElem: q8.bitsPerElem, dNLL: q8.dNLL } },
      vs: { bits: 1 / vs8bit },
      repeats: 1,
    })
  }
  context.say(
    textTable(
      ['coding', 'bits', 'vs 8 bit', 'nats', 'interval', 'divergence', 'same token'],
      scores.scores.map((own) => [
        `${own.name} ${own.setting}`,
        own.bitsPerElem.toFixed(3),
        own.vs8bit.toFixed(1),
        own.dNLL.toFixed(4),
        own.interval.map((x) => x.toFixed(4)).join(' .. '),
        own.kl.toFixed(4),
        own.top1.toFixed(3),
      ]),
    ),
  )
}

/** Sizes at a loss, against 8 bits and CacheGen as published. */
export async function acceptCodings(context: AcceptContext): Promise<void> {
  const { setting, scores } = await measureCodings(context.scale)
  const { windows, tokens, nll } = scores
  context.say(
    `${setting.model}, ${windows} windows of ${setting.window}, ${tokens} tokens, ${nll.toFixed(3)} nats exact`,
  )
  const of = (name: string): Score[] => scores.scores.filter((own) => own.name === name)
  const smallest = (name: string, least: number): void => {
    const fitting = of(name).filter(({ dNLL }) => dNLL <= LIMIT)
    const best = fitting.reduce<Score | undefined>(
      (a, b) => (a === undefined || b.vs8bit > a.vs8bit ? b : a),
      undefined,
    )
    const figure = best === undefined ? 'none' : `${best.vs8bit.toFixed(2)} at ${nats(best)}, level ${best.setting}`
    context.check(
      `${name} against 8 bits, at most ${LIMIT} nats`,
      (best?.vs8bit ?? 0) >= least,
      `${figure} (at least ${least})`,
    )
  }
  smallest('cachegen', 3.7)
  smallest('pca', 10)
  const usual = of('pca').find(({ setting: own }) => own === '3') as Score
  context.check(
    'pca against 8 bits, default level',
    usual.vs8bit >= 10 && usual.dNLL <= LIMIT,
    `${usual.vs8bit.toFixed(2)} at ${nats(usual)}, profile of ${usual.profileBytes} bytes apart (at least 10)`,
  )
  const ours = bitsAtLoss(of('cachegen'), EQUAL) ?? Number.POSITIVE_INFINITY
  for (const [peer, most] of [
    ['anchor', 0.75],
    ['released', 0.75],
    ['released-static', 1.03],
  ] as const) {
    // A peer that never costs as much is compared at its smallest.
    const theirs = bitsAtLoss(of(peer), EQUAL) ?? Math.min(...of(peer).map(({ bitsPerElem }) => bitsPerElem))
    context.say(`at ${EQUAL} nats: cachegen ${ours.toFixed(2)} bits, ${peer} ${theirs.toFixed(2)}`)
    atMost(context, `bits of cachegen over those of ${peer} at ${EQUAL} nats`, ours / theirs, most)
  }
}

/** The two whose losses are divided by each other, behind windows of their own: the quotient of two small losses needs many. */
async function measureGear(windows: number): Promise<readonly [gear: Score, kivi: Score]> {
  const { lm } = await loadKvModel()
  try {
    const ids = idsOfFile(lm, 'tinystories.lower.valid.txt', 400_000)
    const schemes = (['gear', 'kivi'] as const).map((method) => gearScheme('2', { method, bits: 2, group: 64 }))
    const { scores } = await scoreSchemes(lm, spreadWindows(ids, Math.min(512, lm.config.ctx), windows), schemes)
    return scores as unknown as readonly [Score, Score]
  } finally {
    await lm.close()
  }
}

/** GEAR against what it is built on, and which of them to take. */
export async function acceptGear(context: AcceptContext): Promise<void> {
  const windows = context.scale < 1 ? FEW_GEAR_WINDOWS : GEAR_WINDOWS
  const [repaired, plain] = await measureGear(windows)
  context.say(
    `${windows} windows: gear ${repaired.bitsPerElem.toFixed(2)} bits, ${nats(repaired)}; kivi ${plain.bitsPerElem.toFixed(2)} bits, ${nats(plain)}`,
  )
  atMost(context, 'loss of gear over that of kivi, 2 bits', repaired.dNLL / plain.dNLL, 0.5)
  const { scores } = (await measureCodings(context.scale)).scores
  const of = (name: string, bits: string): Score =>
    scores.find((own) => own.name === name && own.setting === bits) as Score
  const gear = of('gear', '2')
  const within = [gear, of('kivi', '3'), of('had-kivi', '3')].filter((own) => own.bitsPerElem <= gear.bitsPerElem)
  const best = within.reduce((a, b) => (b.dNLL < a.dNLL ? b : a))
  context.say(
    `to take within the bytes of gear: ${best.name} at ${best.setting} bits, ${best.bitsPerElem.toFixed(2)}, ${nats(best)}`,
  )
}

function nats({ dNLL, interval: [low, high] }: Score): string {
  return `${dNLL.toFixed(4)} [${low.toFixed(4)}, ${high.toFixed(4)}] nats`
}
