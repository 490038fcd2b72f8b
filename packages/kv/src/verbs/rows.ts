/** Scores as lines of text. */
import type { BenchRow, Score } from '../measure/index.ts'

/** What is shown of a score. */
type Row = Omit<Score, 'name' | 'setting'> & Partial<Pick<BenchRow, 'verdict' | 'recall' | 'encodeMBps' | 'decodeMBps'>>

/** A column; one of which no row has anything is left out. */
type Column = readonly [title: string, cell: (row: Row) => string | undefined]

const COLUMNS: readonly Column[] = [
  ['bits', ({ bitsPerElem }) => bitsPerElem.toFixed(3)],
  ['vs 8 bit', ({ vs8bit }) => vs8bit.toFixed(1)],
  ['nats', ({ dNLL }) => dNLL.toFixed(4)],
  ['interval', ({ interval }) => interval.map((x) => x.toFixed(4)).join(' .. ')],
  ['divergence', ({ kl }) => kl.toFixed(4)],
  ['same token', ({ top1 }) => top1.toFixed(3)],
  ['lookup', ({ recall }) => recall?.lookup?.accuracy.toFixed(3)],
  ['needle', ({ recall }) => recall?.needle?.accuracy.toFixed(3)],
  ['copy', ({ recall }) => recall?.copy?.accuracy.toFixed(3)],
  ['MB/s in', ({ encodeMBps }) => encodeMBps?.toFixed(0)],
  ['MB/s out', ({ decodeMBps }) => decodeMBps?.toFixed(0)],
]

/** Cells of a table; the first column is a name, the last the verdict. */
export function tableOf(rows: Readonly<Record<string, Row>>): { head: string[]; lines: string[][] } {
  const own = COLUMNS.filter(([, cell]) => Object.values(rows).some((row) => cell(row) !== undefined))
  const head = ['', ...own.map(([title]) => title), '']
  const lines = Object.entries(rows).map(([name, row]) => [
    name,
    ...own.map(([, cell]) => cell(row) ?? ''),
    row.verdict ?? '',
  ])
  return { head, lines }
}

/** The table as text. */
export function rowsText(rows: Readonly<Record<string, Row>>): string {
  const { head, lines } = tableOf(rows)
  const widths = head.map((title, i) => Math.max(title.length, ...lines.map((line) => (line[i] as string).length)))
  return [head, ...lines]
    .map((line) =>
      line
        .map((cell, i) =>
          i === 0 || i === head.length - 1 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
