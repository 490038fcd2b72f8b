/** Put the measured results between the markers of README.md and docs/engine.md. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { renderEngineTable } from './render-engine.ts'

const BEGIN = '<!-- results:begin -->'
const END = '<!-- results:end -->'
const LEVELS = ['fast', 'default', 'max']
const GROUPS: readonly (readonly [group: string, title: string])[] = [
  ['full', 'full-size logs'],
  ['2k', 'samples of 2,000 lines'],
  ['heldout', 'logs never looked at while tuning'],
]
/** The peer that sizes are told against. */
const XZ = /^xz/

/** One case of a benchmark, as far as the tables show it. */
export interface Case {
  readonly kind: string
  readonly peer: { readonly name: string }
  readonly data: { readonly name: string; readonly group?: string; readonly bytes: number }
  readonly params: Readonly<Record<string, string | number>>
  readonly ours: { readonly bytes?: number }
  readonly theirs: { readonly bytes?: number }
  readonly vs: Readonly<Record<string, number>>
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), `| --- |${' ---: |'.repeat(head.length - 1)}`, ...rows.map(line)].join('\n')
}

/** Two figures that say something. */
function decimals(value: number): number {
  return value < 0.1 ? 3 : value < 1 ? 2 : value < 10 ? 1 : 0
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)]
}

/** Bytes over those of xz: a row for each group of logs, a column for each level and peer. */
function sizeTable(cases: readonly Case[]): string {
  const sizes = cases.filter((c) => c.kind === 'sizes')
  const xz = sizes.find((c) => XZ.test(c.peer.name))?.peer.name
  if (xz === undefined) return ''
  const peers = unique(sizes.map((c) => c.peer.name)).filter((name) => name !== xz)
  const bytesOfXz = new Map(sizes.filter((c) => c.peer.name === xz).map((c) => [c.data.name, c.theirs.bytes ?? 0]))
  const overXz = (name: string, bytes = 0) => bytes / (bytesOfXz.get(name) ?? 0)
  const rows = GROUPS.flatMap(([group, title]) => {
    const own = sizes.filter((c) => c.data.group === group)
    const files = unique(own.map((c) => c.data.name)).length
    if (files === 0) return []
    const ours = LEVELS.map((level) => {
      const found = own.filter((c) => c.peer.name === xz && c.params['level'] === level)
      return `**${geometricMean(found.map((c) => overXz(c.data.name, c.ours.bytes))).toFixed(2)}**`
    })
    const theirs = peers.map((peer) => {
      const found = own.filter((c) => c.peer.name === peer)
      return geometricMean(found.map((c) => overXz(c.data.name, c.theirs.bytes))).toFixed(2)
    })
    return [[`${files} ${title}`, ...ours, ...theirs]]
  })
  const head = [
    `Size, \`${xz}\` = 1`,
    ...LEVELS.map((level) => `pith \`${level}\``),
    ...peers.map((name) => `\`${name}\``),
  ]
  return `${table(head, rows)}\n\nGeometric means over the files, everything that is in the file counted; smaller is better.`
}

/** Throughput over that of the peers, one thread against one: geometric means over the files of a kind of case. */
function speedTable(cases: readonly Case[], kind: string, title: string, note: string): string {
  const speed = cases.filter((c) => c.kind === kind)
  const peers = unique(speed.map((c) => c.peer.name))
  if (peers.length === 0) return ''
  const rows = (['encode', 'decode'] as const).flatMap((figure) =>
    peers.flatMap((peer) => {
      const cells = LEVELS.map((level) => {
        const own = speed.filter((c) => c.peer.name === peer && c.params['level'] === level)
        const found = own.flatMap(({ vs }) => (vs[figure] === undefined ? [] : [vs[figure]]))
        if (found.length === 0) return ''
        const mean = geometricMean(found)
        return `${mean.toFixed(decimals(mean))}x`
      })
      if (cells.every((cell) => cell === '')) return []
      return [[`${figure === 'encode' ? 'compress' : 'decompress'}, against \`${peer}\``, ...cells]]
    }),
  )
  return `${table([title, ...LEVELS.map((level) => `pith \`${level}\``)], rows)}\n\n${note}`
}

const WARM_NOTE =
  'CPU time of the library in a process that has run it before, on the real logs: the five full-size ones and the samples of 2,000 lines in one file; geometric means, larger is better.'
const COMMAND_NOTE =
  'CPU time of the whole command, its start and what it compiles included, on 64 MB of 21 formats mixed; larger is better.'

/** The tables of a set of measured cases, as Markdown. */
export function renderCases(cases: readonly Case[]): string {
  const tables = [
    sizeTable(cases),
    speedTable(cases, 'warm', 'Speed of the library', WARM_NOTE),
    speedTable(cases, 'speed', 'Speed of the command', COMMAND_NOTE),
  ]
  return tables.filter((text) => text !== '').join('\n\n')
}

/** A README with its tables made anew from `benchmarks/results/logzip.json`; unchanged where there is no such file. */
export function renderTable(root: string, readme: string): string {
  const path = join(root, 'benchmarks/results/logzip.json')
  const begin = readme.indexOf(BEGIN)
  const end = readme.indexOf(END)
  if (!existsSync(path) || begin < 0 || end < begin) return readme
  const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: Case[] }
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${renderCases(cases)}\n\n${readme.slice(end)}`
}

/** A document with all of its tables made anew. */
export function renderTables(root: string, file: string, text: string): string {
  return renderEngineTable(root, file, file === 'README.md' ? renderTable(root, text) : text)
}

/** Documents that have tables. */
export const RENDERED = ['README.md', 'docs/engine.md'] as const

if (import.meta.main) {
  const root = join(import.meta.dirname, '..')
  for (const file of RENDERED) {
    const path = join(root, file)
    writeFileSync(path, renderTables(root, file, readFileSync(path, 'utf8')))
  }
}
