/** Tables of what the engine's bench measured, for docs/engine.md and README.md. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { markdownTable } from '../benchmarks/measure/table.ts'

/** Figures of one contender, as far as the tables show them. */
interface Figures {
  readonly cpuMs?: number
  readonly wallMs?: number
  readonly peakMiB?: number
  readonly quality?: Readonly<Record<string, number>>
}

/** One case of the bench of the engine. */
export interface EngineCase {
  readonly kind: string
  readonly peer: { readonly name: string; readonly version?: string }
  readonly data: { readonly name: string; readonly bytes: number }
  readonly params: Readonly<Record<string, string | number>>
  readonly ours: Figures
  readonly theirs: Figures
  readonly vs: Readonly<Record<string, number>>
}

/** The documents that have a table, and the marks around it. */
const PLACES: Readonly<Record<string, readonly [mark: string, render: (cases: readonly EngineCase[]) => string]>> = {
  'docs/engine.md': ['results', renderEngine],
  'README.md': ['engine', renderSteps],
}

const TITLES: Readonly<Record<string, (own: EngineCase) => string>> = {
  step: ({ data }) => `training step: ${data.name}`,
  training: ({ data }) => `training step: ${data.name}`,
  codec: ({ data }) => `${data.name}, ${(data.bytes / 1e6).toFixed(0)} MB`,
  linalg: ({ data, params }) => `${data.name}, ${params['n']} x ${params['n']}`,
}

/** Every measured case: a row for each figure. */
export function renderEngine(cases: readonly EngineCase[]): string {
  const rows = cases.flatMap((own) => {
    const { kind, peer, data, ours, theirs, vs, params } = own
    const version = /^[0-9]/.test(peer.version ?? '') ? ` ${peer.version}` : ''
    const against = `${peer.name}${version}`
    const row = (title: string, a = 0, b = 0, ratio?: number, text = numberText): string[] => [
      title,
      against,
      text(a),
      text(b),
      ratio === undefined ? '' : `${ratio.toFixed(2)}x`,
    ]
    if (kind === 'checkpoint') {
      const title = 'training step with `checkpoint`, 8 layers'
      return [
        row(`${title}: CPU ms`, ours.cpuMs, theirs.cpuMs, vs['cpu']),
        row(`${title}: peak MiB`, ours.peakMiB, theirs.peakMiB, vs['peak']),
      ]
    }
    if (kind === 'parallel') {
      const ratio = (ours.wallMs ?? 0) / (theirs.wallMs ?? 0)
      return [row(`training step on two workers: ${data.name}: wall ms`, ours.wallMs, theirs.wallMs, ratio)]
    }
    if (kind === 'characters') {
      const title = `language model of characters, ${params['steps']} steps`
      return [
        row(`${title}: CPU s`, (ours.cpuMs ?? 0) / 1000, (theirs.cpuMs ?? 0) / 1000, vs['cpu']),
        row(`${title}: nats a character`, ours.quality?.['nats'], theirs.quality?.['nats'], undefined, (nats) =>
          nats.toFixed(4),
        ),
      ]
    }
    return [row(`${TITLES[kind]?.(own) ?? own.data.name}: CPU ms`, ours.cpuMs, theirs.cpuMs, vs['cpu'])]
  })
  return markdownTable(['', 'against', 'ours', 'theirs', 'ratio'], rows)
}

/** Training steps alone, over those of each peer. */
export function renderSteps(cases: readonly EngineCase[]): string {
  const steps = cases.filter(({ kind }) => kind === 'step')
  const peers = [...new Set(steps.map(({ peer }) => peer.name))]
  const rows = [...new Set(steps.map(({ params }) => Number(params['parameters'])))].map((parameters) => [
    `language model, ${(parameters / 1e6).toFixed(1)} million parameters`,
    ...peers.map((name) => {
      const found = steps.find(({ peer, params }) => peer.name === name && params['parameters'] === parameters)
      return found?.vs['cpu'] === undefined ? '' : `${found.vs['cpu'].toFixed(2)}x`
    }),
  ])
  return markdownTable(['CPU time of a training step', ...peers.map((name) => `over ${name}'s`)], rows)
}

/** A document with its table made anew from `benchmarks/results/engine.json`; unchanged where there is nothing to put. */
export function renderEngineTable(root: string, file: string, text: string): string {
  const path = join(root, 'benchmarks/results/engine.json')
  const place = PLACES[file]
  if (place === undefined || !existsSync(path)) return text
  const [mark, render] = place
  const begin = `<!-- ${mark}:begin -->`
  const [from, to] = [text.indexOf(begin), text.indexOf(`<!-- ${mark}:end -->`)]
  if (from < 0 || to < from) return text
  const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: EngineCase[] }
  return `${text.slice(0, from + begin.length)}\n\n${render(cases)}\n\n${text.slice(to)}`
}

/** Four figures at most. */
function numberText(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)))
}
