/** Put the measured results between the markers of README.md. `node scripts/render-results.ts` writes, `check` compares. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const BEGIN = '<!-- results:begin -->'
const END = '<!-- results:end -->'

/** One case of a benchmark, as far as the table shows it. */
interface Case {
  readonly peer: { readonly name: string }
  readonly data: { readonly name: string; readonly bytes: number }
  readonly params: { readonly level?: string }
  readonly ours: { readonly ratio: number }
  readonly theirs: { readonly ratio: number }
}

/** Text with what stands between the markers replaced. */
function between(text: string, table: string): string {
  const begin = text.indexOf(BEGIN)
  const end = text.indexOf(END)
  if (begin < 0 || end < begin) return text
  return `${text.slice(0, begin + BEGIN.length)}\n${table}\n${text.slice(end)}`
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
}

/** A table of sizes: rows are peers, columns the levels, cells our size divided by theirs (geometric mean over the data). */
export function tableOf(cases: readonly Case[]): string {
  const levels = [...new Set(cases.map((c) => c.params.level ?? ''))]
  const peers = [...new Set(cases.map((c) => c.peer.name))]
  const rows = peers.map((peer) => {
    const cells = levels.map((level) => {
      const own = cases.filter((c) => c.peer.name === peer && (c.params.level ?? '') === level)
      return own.length === 0 ? '' : geometricMean(own.map((c) => c.theirs.ratio / c.ours.ratio)).toFixed(2)
    })
    return `| ${peer} | ${cells.join(' | ')} |`
  })
  return [
    `| size against | ${levels.map((level) => `\`${level}\``).join(' | ')} |`,
    `| --- |${' ---: |'.repeat(levels.length)}`,
    ...rows,
  ].join('\n')
}

/** A README with its table made anew from `benchmarks/results/logzip.json`; unchanged where that file is not there. */
export function renderTable(root: string, readme: string): string {
  const path = join(root, 'benchmarks/results/logzip.json')
  if (!existsSync(path)) return readme
  const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: Case[] }
  return between(readme, tableOf(cases))
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..')
  const path = join(root, 'README.md')
  writeFileSync(path, renderTable(root, readFileSync(path, 'utf8')))
}
