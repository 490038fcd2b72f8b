/** Answers that survive when 20 passages are cut for their question, beside whole passages ranked by peers. */
import { bootstrapMean, pairedBootstrap } from '@pith/core'
import { hasAnswer, measureAnswers } from '../../packages/context/src/measure/index.ts'
import { compressBy } from '../../packages/context/src/safe/compress.ts'
import { backgroundOf } from '../../packages/context/src/select/background.ts'
import type { Background } from '../../packages/context/src/select/bm25.ts'
import { renderPassages } from '../../packages/context/src/select/passages.ts'
import { compressText } from '../../packages/context/src/text.ts'
import type { AcceptContext } from '../measure/accept.ts'
import type { BenchContext } from '../measure/case.ts'
import { textTable } from '../measure/table.ts'
import { type QaRow, rowsOf } from './data.ts'
import { PASSAGE_PEERS, type PassageRanker } from './peers.ts'

const RATIOS = [5, 10] as const
/** Shares of answers that must be kept with a background of the same kind of texts. */
const BARS = [0.93, 0.88] as const

/** One contender: for each ratio which answers are left. */
interface Kept {
  readonly name: string
  readonly hits: readonly Uint8Array[]
}

async function measureOurs(rows: readonly QaRow[]): Promise<Kept[]> {
  const passages = rowsOf<QaRow>('qa20_dev.jsonl').flatMap((row) => row.passages)
  const texts = new Set(passages.map(({ title = '', text }) => `${title}\n${text}`))
  const settings: readonly (readonly [string, Background | 'none' | undefined])[] = [
    ['pith', undefined],
    ['pith, own background', backgroundOf(texts)],
    ['pith, no background', 'none'],
  ]
  const kept: Kept[] = []
  for (const [name, background] of settings) {
    const own = background === undefined ? {} : { background }
    const results = await measureAnswers(rows, { ratios: RATIOS, ...own })
    kept.push({ name, hits: results.map(({ hits }) => hits) })
  }
  return kept
}

/** As many whole passages as fit, the best first. */
async function measurePeer({ name, rank }: PassageRanker, rows: readonly QaRow[]): Promise<Kept> {
  const hits = RATIOS.map(() => new Uint8Array(rows.length))
  for (const [at, { passages, question, answers }] of rows.entries()) {
    const { text, places } = renderPassages(passages)
    const pieces = places.map(({ title, body }) => ({ start: title.start, end: body.end }))
    const groups = rank(passages, question).map((i) => [i])
    for (const [i, ratio] of RATIOS.entries()) {
      const ranking = () => ({ scorer: name, pieces, groups })
      const result = await compressBy(ranking, text, { budget: { rate: 1 / ratio } })
      if (hasAnswer(result.text, answers)) (hits[i] as Uint8Array)[at] = 1
    }
  }
  return { name, hits }
}

async function measureAll(): Promise<{ rows: QaRow[]; ours: Kept[]; peers: Kept[] }> {
  const rows = rowsOf<QaRow>('qa20_test.jsonl')
  const ours = await measureOurs(rows)
  const peers: Kept[] = []
  for (const peer of PASSAGE_PEERS) peers.push(await measurePeer(peer, rows))
  return { rows, ours, peers }
}

/** All contenders on the 400 test questions. */
export async function benchQa(context: BenchContext): Promise<void> {
  const { rows, ours, peers } = await measureAll()
  const table: string[][] = []
  for (const own of [...ours, ...peers]) {
    const cells = RATIOS.flatMap((_, i) => {
      const { value, interval } = bootstrapMean(own.hits[i] as Uint8Array)
      return [value.toFixed(3), `[${interval.map((end) => end.toFixed(3)).join(', ')}]`]
    })
    table.push([own.name, ...cells])
  }
  const [pith] = ours as [Kept]
  for (const peer of [...ours.slice(1), ...peers]) {
    for (const [i, ratio] of RATIOS.entries()) {
      const [a, b] = [pith.hits[i] as Uint8Array, peer.hits[i] as Uint8Array]
      const { value, interval } = pairedBootstrap(a, b)
      context.add({
        ...{ system: 'context', kind: 'qa', peer: { name: peer.name }, repeats: 1 },
        data: { name: 'qa20_test', bytes: rows.reduce((sum, row) => sum + JSON.stringify(row.passages).length, 0) },
        params: { questions: rows.length, ratio },
        ours: { quality: { kept: bootstrapMean(a).value } },
        theirs: { quality: { kept: bootstrapMean(b).value } },
        vs: { kept: value, low: interval[0], high: interval[1] },
      })
    }
  }
  context.say(textTable(['answers kept', '5x', '', '10x', ''], table))
}

/** What must hold of them. */
export async function acceptQa(context: AcceptContext): Promise<void> {
  const { ours, peers } = await measureAll()
  for (const [i, ratio] of RATIOS.entries()) {
    const best = peers
      .map(({ name, hits }) => ({ name, value: bootstrapMean(hits[i] as Uint8Array).value }))
      .reduce((a, b) => (b.value > a.value ? b : a))
    for (const { name, hits } of ours) {
      const { value, interval } = bootstrapMean(hits[i] as Uint8Array)
      const figure = `${value.toFixed(4)} [${interval.map((end) => end.toFixed(4)).join(', ')}]`
      if (name === 'pith, no background') {
        context.say(`${name} at ${ratio}x: ${figure}`)
        continue
      }
      const label = `answers kept at ${ratio}x, ${name}`
      context.check(
        `${label}: the interval is above the best peer`,
        interval[0] > best.value,
        `${figure}, ${best.name} ${best.value.toFixed(4)}`,
      )
      const bar = BARS[i] as number
      if (name === 'pith, own background') context.check(label, value >= bar, `${figure} (at least ${bar})`)
    }
  }
}

const FORM_ROWS = 200
/** Shares of answers that must be kept in each form, without knowing of passages. */
const FORM_BARS = [0.9, 0.85] as const

/** The same passages as other things that tools answer with. */
const FORMS: Readonly<Record<string, (row: QaRow) => string>> = {
  text: ({ passages }) => passages.map(({ title, text }) => `${title}\n${text}`).join('\n\n'),
  page: ({ passages }) => {
    const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
    const sections = passages.map(
      ({ title = '', text }) => `<section><h2>${escaped(title)}</h2><p>${escaped(text)}</p></section>`,
    )
    return `<!doctype html><html><body>${sections.join('\n')}</body></html>`
  },
  JSON: ({ passages }) => JSON.stringify({ results: passages }),
}

async function measureForms(): Promise<Record<string, Uint8Array[]>> {
  const rows = rowsOf<QaRow>('qa20_test.jsonl').slice(0, FORM_ROWS)
  const hits: Record<string, Uint8Array[]> = {}
  for (const [name, of] of Object.entries(FORMS)) {
    const own = RATIOS.map(() => new Uint8Array(rows.length))
    for (const [at, row] of rows.entries()) {
      for (const [i, ratio] of RATIOS.entries()) {
        const { text } = await compressText(of(row), {
          query: row.question,
          budget: { rate: 1 / ratio },
          onOverflow: 'keep-protected',
        })
        if (hasAnswer(text, row.answers)) (own[i] as Uint8Array)[at] = 1
      }
    }
    hits[name] = own
  }
  return hits
}

/** Answers that survive in texts, pages and JSON. */
export async function benchForms(context: BenchContext): Promise<void> {
  const table = Object.entries(await measureForms()).map(([name, hits]) => [
    name,
    ...hits.flatMap((own) => {
      const { value, interval } = bootstrapMean(own)
      return [value.toFixed(3), `[${interval.map((end) => end.toFixed(3)).join(', ')}]`]
    }),
  ])
  context.say(textTable(['answers kept', '5x', '', '10x', ''], table))
}

export async function acceptForms(context: AcceptContext): Promise<void> {
  for (const [name, hits] of Object.entries(await measureForms())) {
    for (const [i, ratio] of RATIOS.entries()) {
      const { value } = bootstrapMean(hits[i] as Uint8Array)
      const bar = FORM_BARS[i] as number
      context.check(
        `answers kept at ${ratio}x in passages as ${name}`,
        value >= bar,
        `${value.toFixed(4)} (at least ${bar})`,
      )
    }
  }
}
