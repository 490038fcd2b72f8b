/** A plot of rate against loss, as SVG on its own ground. */
import type { BenchRow } from './bench.ts'

const [WIDTH, HEIGHT] = [760, 420]
const AREA = { left: 64, right: 590, top: 44, bottom: 370 }
const INK = '#24292f'
const FAINT = '#d0d7de'
const FONT = 'font-family="system-ui, sans-serif"'
const COLOURS = [
  '#6e7781',
  '#cf222e',
  '#bf8700',
  '#8a6d1f',
  '#0969da',
  '#1a7f37',
  '#8250df',
  '#bc4c00',
  '#bf3989',
  '#0b7468',
]

/** Losses below this stand on the lowest line: they are noise. */
const LEAST_LOSS = 1e-4

/**
 * Draw losses over bits a number, both in powers; each preset is a line.
 *
 * @param limit nats that are allowed, drawn as a line
 */
export function plotRates(rows: readonly BenchRow[], limit: number, title: string): string {
  const bits = rows.map((row) => Math.log2(row.bitsPerElem))
  const [low, high] = [Math.floor(Math.min(...bits)), Math.ceil(Math.max(...bits, Math.min(...bits) + 1))]
  const top = Math.ceil(Math.log10(Math.max(limit, ...rows.map((row) => row.dNLL))))
  const bottom = Math.log10(LEAST_LOSS)
  const x = (value: number): number => AREA.left + ((Math.log2(value) - low) / (high - low)) * (AREA.right - AREA.left)
  const y = (value: number): number =>
    AREA.bottom - ((Math.log10(Math.max(value, LEAST_LOSS)) - bottom) / (top - bottom)) * (AREA.bottom - AREA.top)
  const marks: string[] = [label(AREA.left, 24, title, 'start', 14)]
  for (let power = low; power <= high; power++) {
    marks.push(line(x(2 ** power), AREA.top, x(2 ** power), AREA.bottom))
    marks.push(label(x(2 ** power), AREA.bottom + 18, String(2 ** power), 'middle'))
  }
  for (let power = bottom; power <= top; power++) {
    marks.push(line(AREA.left, y(10 ** power), AREA.right, y(10 ** power)))
    const text = power === bottom ? `≤ ${10 ** power}` : String(10 ** power)
    marks.push(label(AREA.left - 6, y(10 ** power) + 4, text, 'end'))
  }
  marks.push(label((AREA.left + AREA.right) / 2, AREA.bottom + 38, 'bits a number', 'middle'))
  marks.push(label(8, AREA.top - 8, 'nats a token', 'start'))
  marks.push(line(AREA.left, y(limit), AREA.right, y(limit), INK, '4 3'))
  for (const [i, preset] of [...new Set(rows.map((row) => row.preset))].entries()) {
    const colour = COLOURS[i % COLOURS.length] as string
    const own = rows.filter((row) => row.preset === preset).sort((a, b) => a.bitsPerElem - b.bitsPerElem)
    const points = own.map((row) => `${round(x(row.bitsPerElem))},${round(y(row.dNLL))}`)
    marks.push(`<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="1.5"/>`)
    for (const { bitsPerElem, dNLL, setting } of own) {
      const says = `${preset} ${setting}: ${bitsPerElem.toFixed(2)} bits, ${dNLL.toFixed(4)} nats`
      marks.push(
        `<circle cx="${round(x(bitsPerElem))}" cy="${round(y(dNLL))}" r="4" fill="${colour}"><title>${escapeXml(says)}</title></circle>`,
      )
    }
    const at = AREA.top + 12 + 20 * i
    marks.push(`<circle cx="${AREA.right + 24}" cy="${at}" r="4" fill="${colour}"/>`)
    marks.push(label(AREA.right + 34, at + 4, preset, 'start'))
  }
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeXml(title)}">`
  const ground = `<rect width="${WIDTH}" height="${HEIGHT}" rx="6" fill="#ffffff"/>`
  return `${[head, `<title>${escapeXml(title)}</title>`, ground, ...marks, '</svg>'].join('\n')}\n`
}

function line(x1: number, y1: number, x2: number, y2: number, colour = FAINT, dash = ''): string {
  const dashes = dash === '' ? '' : ` stroke-dasharray="${dash}"`
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke="${colour}"${dashes}/>`
}

function label(x: number, y: number, text: string, anchor: 'start' | 'middle' | 'end', size = 12): string {
  return `<text x="${round(x)}" y="${round(y)}" font-size="${size}" text-anchor="${anchor}" fill="${INK}" ${FONT}>${escapeXml(text)}</text>`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`)
}
