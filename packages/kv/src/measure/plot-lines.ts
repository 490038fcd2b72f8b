/** Lines with dots over two axes of powers, as SVG on its own ground. */

/** An axis of powers of a base. */
export interface PowerAxis {
  readonly label: string
  readonly base: number
  /** Values that must be on it. */
  readonly values: readonly number[]
  /** Smaller values stand at this one, which is said to be "at most". */
  readonly least?: number
}

/** One named line. */
export interface PlotLine {
  readonly name: string
  readonly points: readonly { readonly x: number; readonly y: number; readonly says: string }[]
}

/** A whole plot. */
export interface LinePlot {
  readonly title: string
  readonly x: PowerAxis
  readonly y: PowerAxis
  readonly lines: readonly PlotLine[]
  /** A height that is marked. */
  readonly mark?: number
}

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

/** Where values stand, and the powers that are drawn. */
function scaleOf(
  { base, values, least }: PowerAxis,
  from: number,
  to: number,
): { at: (value: number) => number; powers: number[] } {
  const power = (value: number): number => Math.log(value) / Math.log(base)
  const own = values.map((value) => power(least === undefined ? value : Math.max(value, least)))
  // A power itself must not become the one below it.
  const low = Math.floor(Math.min(...own) + 1e-9)
  const high = Math.max(low + 1, Math.ceil(Math.max(...own) - 1e-9))
  return {
    at: (value) =>
      from + ((power(least === undefined ? value : Math.max(value, least)) - low) / (high - low)) * (to - from),
    powers: Array.from({ length: high - low + 1 }, (_, i) => low + i),
  }
}

/** Draw a plot. */
export function drawLines({ title, x, y, lines, mark }: LinePlot): string {
  const across = scaleOf(x, AREA.left, AREA.right)
  const up = scaleOf(y, AREA.bottom, AREA.top)
  const marks: string[] = [label(AREA.left, 24, title, 'start', 14)]
  for (const power of across.powers) {
    const at = across.at(x.base ** power)
    marks.push(rule(at, AREA.top, at, AREA.bottom), label(at, AREA.bottom + 18, tick(x, power), 'middle'))
  }
  for (const power of up.powers) {
    const at = up.at(y.base ** power)
    marks.push(rule(AREA.left, at, AREA.right, at), label(AREA.left - 6, at + 4, tick(y, power), 'end'))
  }
  marks.push(
    label((AREA.left + AREA.right) / 2, AREA.bottom + 38, x.label, 'middle'),
    label(8, AREA.top - 8, y.label, 'start'),
  )
  if (mark !== undefined) marks.push(rule(AREA.left, up.at(mark), AREA.right, up.at(mark), INK, '4 3'))
  for (const [i, { name, points }] of lines.entries()) {
    const colour = COLOURS[i % COLOURS.length] as string
    const places = points.map((point) => `${round(across.at(point.x))},${round(up.at(point.y))}`)
    marks.push(`<polyline points="${places.join(' ')}" fill="none" stroke="${colour}" stroke-width="1.5"/>`)
    for (const point of points) {
      marks.push(
        `<circle cx="${round(across.at(point.x))}" cy="${round(up.at(point.y))}" r="4" fill="${colour}"><title>${escapeXml(point.says)}</title></circle>`,
      )
    }
    const at = AREA.top + 12 + 20 * i
    marks.push(`<circle cx="${AREA.right + 24}" cy="${at}" r="4" fill="${colour}"/>`)
    marks.push(label(AREA.right + 34, at + 4, name, 'start'))
  }
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeXml(title)}">`
  const ground = `<rect width="${WIDTH}" height="${HEIGHT}" rx="6" fill="#ffffff"/>`
  return `${[head, `<title>${escapeXml(title)}</title>`, ground, ...marks, '</svg>'].join('\n')}\n`
}

function tick({ base, least }: PowerAxis, power: number): string {
  const value = Number((base ** power).toPrecision(6))
  return least !== undefined && Math.abs(value - least) < 1e-9 * least ? `≤ ${value}` : String(value)
}

function rule(x1: number, y1: number, x2: number, y2: number, colour = FAINT, dash = ''): string {
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
