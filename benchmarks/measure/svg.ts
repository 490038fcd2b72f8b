/** The few marks that plots need, as SVG text. Plots stand on their own ground, so that they read on light and dark pages. */

const INK = '#24292f'
const FAINT = '#d0d7de'
const FONT = 'font-family="system-ui, sans-serif"'

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`)
}

export interface TextStyle {
  readonly size?: number
  readonly anchor?: 'start' | 'middle' | 'end'
  readonly bold?: boolean
  readonly colour?: string
}

export function textMark(x: number, y: number, text: string, style: TextStyle = {}): string {
  const { size = 12, anchor = 'start', bold = false, colour = INK } = style
  const weight = bold ? ' font-weight="600"' : ''
  return `<text x="${round(x)}" y="${round(y)}" font-size="${size}" text-anchor="${anchor}" fill="${colour}"${weight} ${FONT}>${escapeXml(text)}</text>`
}

export function lineMark(x1: number, y1: number, x2: number, y2: number, colour = FAINT, dash = ''): string {
  const dashes = dash === '' ? '' : ` stroke-dasharray="${dash}"`
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke="${colour}"${dashes}/>`
}

/** A dot with a title that shows when pointed at. */
export function dotMark(x: number, y: number, radius: number, colour: string, title: string): string {
  return `<circle cx="${round(x)}" cy="${round(y)}" r="${radius}" fill="${colour}"><title>${escapeXml(title)}</title></circle>`
}

/** A whole picture of a width and height in pixels. */
export function picture(width: number, height: number, title: string, marks: readonly string[]): string {
  const ground = `<rect width="${width}" height="${height}" rx="6" fill="#ffffff"/>`
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(title)}">`
  return `${[head, `<title>${escapeXml(title)}</title>`, ground, ...marks, '</svg>'].join('\n')}\n`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
