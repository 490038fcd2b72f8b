/** Meetings cut for a question, and without one: tokens of what is asked for that stay. Constants were chosen on the even meetings. */
import { bootstrapMean, pairedBootstrap, Random } from '@pith/core'
import { compressBy, type Ranker } from '../../packages/context/src/safe/compress.ts'
import { o200kCounter } from '../../packages/context/src/safe/counter.ts'
import { joinSpans, sentencesOf } from '../../packages/context/src/safe/pieces.ts'
import { bm25Scores, byScore, localWeights } from '../../packages/context/src/select/bm25.ts'
import { termsOf } from '../../packages/context/src/select/terms.ts'
import { compressText } from '../../packages/context/src/text.ts'
import type { Span } from '../../packages/context/src/types.ts'
import type { AcceptContext } from '../measure/accept.ts'
import type { BenchContext } from '../measure/case.ts'
import { textTable } from '../measure/table.ts'
import { type Meeting, meetings, rowsOf } from './data.ts'

const RATIOS = [5, 10] as const
const BARS = [0.69, 0.56] as const

/** Cuts a meeting; the text that is left, as slices. */
type Cut = (meeting: Meeting, rate: number, query: string) => Promise<readonly Span[]>

const pith: Cut = async ({ text }, rate, query) =>
  (await compressText(text, { kind: 'transcript', budget: { rate }, ...(query === '' ? {} : { query }) })).kept

function turnsBy(order: (meeting: Meeting, query: string) => number[]): Cut {
  return async (meeting, rate, query) => {
    const groups = order(meeting, query).map((turn) => [turn])
    const rank: Ranker = () => ({ scorer: 'peer', pieces: meeting.turns, groups })
    return (await compressBy(rank, meeting.text, { budget: { rate } })).kept
  }
}

const lead = turnsBy(({ turns }) => turns.map((_, i) => i))
const bm25 = turnsBy(({ text, turns }, query) => {
  const terms = turns.map(({ start, end }) => termsOf(text.slice(start, end)))
  return byScore(bm25Scores(termsOf(query), terms, localWeights(terms)))
})
const random = turnsBy(({ turns }) => {
  const own = new Random(1)
  return byScore(turns.map(() => own.uniform()))
})

/** Share of the tokens of spans that stand in what is left. */
function shareKept(
  text: string,
  wanted: readonly Span[],
  kept: readonly Span[],
  count: (text: string) => number,
): number {
  const tokens = (spans: readonly Span[]): number =>
    spans.reduce((sum, span) => sum + count(text.slice(span.start, span.end)), 0)
  const both = wanted.flatMap((a) =>
    kept.flatMap((b) => {
      const own = { start: Math.max(a.start, b.start), end: Math.min(a.end, b.end) }
      return own.end > own.start ? [own] : []
    }),
  )
  return tokens(both) / tokens(wanted)
}

interface Task {
  readonly meeting: Meeting
  readonly query: string
  readonly wanted: readonly Span[]
  /** Whether constants were chosen on its meeting. */
  readonly isTuned: boolean
}

/** Questions whose spans are less than a fifth of the meeting; or of each meeting all spans together, without a question. */
function tasksOf(all: readonly Meeting[], isAsked: boolean, count: (text: string) => number): Task[] {
  return all.flatMap((meeting, i) => {
    const isTuned = i % 2 === 0
    if (!isAsked) {
      return [{ meeting, query: '', isTuned, wanted: joinSpans(meeting.questions.flatMap(({ spans }) => spans)) }]
    }
    const total = count(meeting.text)
    return meeting.questions.flatMap(({ query, spans }) => {
      const wanted = joinSpans(spans)
      const size = wanted.reduce((sum, { start, end }) => sum + count(meeting.text.slice(start, end)), 0)
      return size > 0 && size < total / 5 ? [{ meeting, query, wanted, isTuned }] : []
    })
  })
}

/** For each contender and ratio the share of each task. */
async function measure(isAsked: boolean): Promise<{ tasks: Task[]; shares: Record<string, number[][]> }> {
  const counter = await o200kCounter()
  const tasks = tasksOf(meetings(), isAsked, (text) => counter.count(text))
  const cuts: Readonly<Record<string, Cut>> = isAsked ? { pith, 'turns by BM25': bm25, lead } : { pith, lead, random }
  const shares: Record<string, number[][]> = {}
  for (const [name, cut] of Object.entries(cuts)) {
    const own: number[][] = RATIOS.map(() => [])
    for (const { meeting, query, wanted } of tasks) {
      for (const [i, ratio] of RATIOS.entries()) {
        const kept = await cut(meeting, 1 / ratio, query)
        own[i]?.push(shareKept(meeting.text, wanted, kept, (text) => counter.count(text)))
      }
    }
    shares[name] = own
  }
  return { tasks, shares }
}

const mean = (values: readonly number[]): number => bootstrapMean(values, { resamples: 1 }).value

async function benchShares(context: BenchContext, kind: string, isAsked: boolean): Promise<void> {
  const { tasks, shares } = await measure(isAsked)
  const ours = shares['pith'] as number[][]
  const table: string[][] = []
  for (const [name, own] of Object.entries(shares)) {
    const cells = RATIOS.flatMap((_, i) => {
      const values = own[i] as number[]
      const fresh = values.filter((_, at) => tasks[at]?.isTuned === false)
      const { value, interval } = bootstrapMean(values)
      return [value.toFixed(3), `[${interval.map((end) => end.toFixed(3)).join(', ')}]`, mean(fresh).toFixed(3)]
    })
    table.push([name, ...cells])
    if (name === 'pith') continue
    for (const [i, ratio] of RATIOS.entries()) {
      const { value, interval } = pairedBootstrap(ours[i] as number[], own[i] as number[])
      context.add({
        ...{ system: 'context', kind, peer: { name }, repeats: 1 },
        data: { name: 'qmsum', bytes: meetings().reduce((sum, { text }) => sum + text.length, 0) },
        params: { tasks: tasks.length, ratio },
        ours: { quality: { kept: mean(ours[i] as number[]) } },
        theirs: { quality: { kept: mean(own[i] as number[]) } },
        vs: { kept: value, low: interval[0], high: interval[1] },
      })
    }
  }
  context.say(textTable(['tokens kept', '5x', '', 'not tuned on', '10x', '', 'not tuned on'], table))
}

/** Relevant tokens that stay for the questions of QMSum. */
export async function benchTranscripts(context: BenchContext): Promise<void> {
  await benchShares(context, 'transcripts', true)
}

/** Tokens of all that is asked for later, kept without a question. */
export async function benchText(context: BenchContext): Promise<void> {
  await benchShares(context, 'text', false)
  const { table } = await measureDigests()
  context.say(textTable(['answers kept, no question', 'of 10 passages, 2x', '5x'], table))
}

/** Texts of ten passages each of which answers another question, cut without any. */
async function measureDigests(): Promise<{ table: string[][]; hits: Record<string, Uint8Array[]> }> {
  interface Row {
    readonly answers: readonly string[]
    readonly gold: number
    readonly passages: readonly { readonly text: string }[]
  }
  const rows = rowsOf<Row>('qa20_test.jsonl')
  const sentences = (order: (n: number) => number[]): ((text: string, rate: number) => Promise<string>) => {
    return async (text, rate) => {
      const pieces = sentencesOf(text)
      const rank = () => ({ scorer: 'peer', pieces, groups: order(pieces.length).map((i) => [i]) })
      return (await compressBy(rank, text, { budget: { rate } })).text
    }
  }
  const cuts = {
    pith: async (text: string, rate: number) => (await compressText(text, { kind: 'text', budget: { rate } })).text,
    lead: sentences((n) => Array.from({ length: n }, (_, i) => i)),
    random: sentences((n) => {
      const own = new Random(2)
      return byScore(Array.from({ length: n }, () => own.uniform()))
    }),
  }
  const hits: Record<string, Uint8Array[]> = {}
  for (const [name, cut] of Object.entries(cuts)) {
    const own = [2, 5].map(() => new Uint8Array(rows.length))
    for (let first = 0; first < rows.length; first += 10) {
      const group = rows.slice(first, first + 10)
      const text = group.map(({ passages, gold }) => passages[gold]?.text).join('\n\n')
      for (const [i, ratio] of [2, 5].entries()) {
        const left = (await cut(text, 1 / ratio)).toLowerCase()
        for (const [at, { answers }] of group.entries()) {
          if (answers.some((answer) => left.includes(answer.toLowerCase()))) (own[i] as Uint8Array)[first + at] = 1
        }
      }
    }
    hits[name] = own
  }
  const table = Object.entries(hits).map(([name, own]) => [
    name,
    ...own.map((all) => bootstrapMean(all).value.toFixed(3)),
  ])
  return { table, hits }
}

export async function acceptTranscripts(context: AcceptContext): Promise<void> {
  const { tasks, shares } = await measure(true)
  for (const [i, ratio] of RATIOS.entries()) {
    const all = shares['pith']?.[i] as number[]
    const fresh = all.filter((_, at) => tasks[at]?.isTuned === false)
    const bar = BARS[i] as number
    for (const [name, values] of [
      ['all meetings', all],
      ['meetings not tuned on', fresh],
    ] as const) {
      const figure = `${mean(values).toFixed(3)} of ${values.length} questions (at least ${bar})`
      context.check(`relevant tokens kept at ${ratio}x, ${name}`, mean(values) >= bar, figure)
    }
  }
}

export async function acceptText(context: AcceptContext): Promise<void> {
  const { tasks, shares } = await measure(false)
  const { hits } = await measureDigests()
  for (const peer of ['lead', 'random']) {
    for (const [i, ratio] of RATIOS.entries()) {
      const pick = (of: string, isFresh: boolean): number[] =>
        ((shares[of] as number[][])[i] as number[]).filter((_, at) => !isFresh || tasks[at]?.isTuned === false)
      for (const isFresh of [false, true]) {
        const [ours, theirs] = [mean(pick('pith', isFresh)), mean(pick(peer, isFresh))]
        const name = `without a question at ${ratio}x beside ${peer}, ${isFresh ? 'meetings not tuned on' : 'all meetings'}`
        context.check(name, ours > theirs, `${ours.toFixed(3)} against ${theirs.toFixed(3)}`)
      }
    }
    for (const [i, ratio] of [2, 5].entries()) {
      const { value, interval } = pairedBootstrap(hits['pith']?.[i] as Uint8Array, hits[peer]?.[i] as Uint8Array)
      const figure = `difference ${value.toFixed(3)} [${interval.map((end) => end.toFixed(3)).join(', ')}] (above 0)`
      context.check(`answers in digests at ${ratio}x beside ${peer}`, interval[0] > 0, figure)
    }
  }
}
