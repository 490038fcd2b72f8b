/** Scores as lines of text. */
import type { Score } from '../measure/index.ts'

/** A table; the first column is a name. */
export function rowsText(
  rows: Readonly<Record<string, Omit<Score, 'name' | 'setting'> & { verdict?: string }>>,
): string {
  const head = ['', 'bits', 'vs 8 bit', 'nats', 'interval', 'divergence', 'same token', '']
  const lines = Object.entries(rows).map(([name, { bitsPerElem, vs8bit, dNLL, interval, kl, top1, verdict }]) => [
    name,
    bitsPerElem.toFixed(3),
    vs8bit.toFixed(1),
    dNLL.toFixed(4),
    interval.map((x) => x.toFixed(4)).join(' .. '),
    kl.toFixed(4),
    top1.toFixed(3),
    verdict ?? '',
  ])
  const widths = head.map((title, i) => Math.max(title.length, ...lines.map((line) => (line[i] as string).length)))
  return [head, ...lines]
    .map((line) =>
      line
        .map((cell, i) => (i === 0 || i === 7 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
