/** The course of a loss: in a terminal, as SVG, as CSV. */

/** Losses of a training. */
export interface Curve {
  /** Of each update, from the first. */
  readonly losses: readonly number[]
  /** Of data that nothing is learnt from, in the order of their steps. */
  readonly measured: readonly { readonly step: number; readonly loss: number }[]
}

/** Four digits that count. */
export function lossText(loss: number): string {
  if (!Number.isFinite(loss)) return String(loss)
  const size = Math.abs(loss)
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return loss.toExponential(3)
  return loss.toFixed(Math.max(0, 4 - Math.max(0, Math.floor(Math.log10(Math.max(1, size))))))
}

/** The loss before anything was learnt, and the mean over the last updates: a tenth of them, ten at most. */
export function endsOf(losses: readonly number[]): { first: number; last: number } {
  const count = Math.min(10, Math.max(1, Math.floor(losses.length / 10)))
  return { first: losses[0] ?? Number.NaN, last: mean(losses.slice(-count)) }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Largest over least loss from which on a curve is drawn over its logarithm. */
const LOG_SPAN = 50

/** Lines of characters: `*` the loss, as means over columns, `o` the validation; over the logarithm where it falls far. */
export function drawCurve({ losses, measured }: Curve, columns: number = 60, rows: number = 9): string[] {
  const width = Math.min(columns, losses.length)
  const means = Array.from({ length: width }, (_, x) => {
    const part = losses.slice(Math.floor((x * losses.length) / width), Math.floor(((x + 1) * losses.length) / width))
    return mean(part.filter(Number.isFinite))
  })
  const all = [...means, ...measured.map(({ loss }) => loss)].filter(Number.isFinite)
  if (all.length === 0) return []
  const [low, high] = [Math.min(...all), Math.max(...all)]
  const isLog = low > 0 && high / low >= LOG_SPAN
  const scaled = (loss: number): number => (isLog ? Math.log(loss) : loss)
  const span = scaled(high) - scaled(low)
  const rowOf = (loss: number): number =>
    span === 0 ? rows - 1 : Math.round(((scaled(high) - scaled(loss)) / span) * (rows - 1))
  const grid = Array.from({ length: rows }, () => Array<string>(width).fill(' '))
  const put = (x: number, loss: number, sign: string): void => {
    const line = Number.isFinite(loss) ? grid[rowOf(loss)] : undefined
    if (line !== undefined) line[x] = sign
  }
  for (const [x, loss] of means.entries()) put(x, loss, '*')
  for (const { step, loss } of measured) {
    put(Math.min(width - 1, Math.floor(((step - 1) * width) / losses.length)), loss, 'o')
  }
  const labels = grid.map((_, y) => (y === 0 ? lossText(high) : y === rows - 1 ? lossText(low) : ''))
  if (isLog) labels[Math.floor(rows / 2)] = lossText(Math.sqrt(high * low))
  const margin = Math.max(...labels.map((label) => label.length))
  const end = String(losses.length)
  return [
    ...grid.map((line, y) => `${(labels[y] as string).padStart(margin)} |${line.join('')}`.trimEnd()),
    `${' '.repeat(margin)} +${'-'.repeat(width)}`,
    `${' '.repeat(margin)}  1${width > end.length + 1 ? end.padStart(width - 1) : ''}`,
  ]
}

/** A line for each update: its number, loss, and the validation where it was measured. */
export function curveCsv({ losses, measured }: Curve): string {
  const at = new Map(measured.map(({ step, loss }) => [step, loss]))
  const lines = losses.map((loss, i) => `${i + 1},${loss},${at.get(i + 1) ?? ''}`)
  return `step,loss,validation\n${lines.map((line) => `${line}\n`).join('')}`
}

const WIDTH = 640
const HEIGHT = 360
const LEFT = 64
const TOP = 24
const BOTTOM = 40
const RIGHT = 16
/** Points of a line: more are not seen. */
const MAX_POINTS = 1000

/** A picture of the curve. */
export function curveSvg({ losses, measured }: Curve): string {
  const each = Math.ceil(losses.length / MAX_POINTS)
  const points = losses.flatMap((_, i) =>
    i % each === 0 ? [[i + 1 + (each - 1) / 2, mean(losses.slice(i, i + each))] as const] : [],
  )
  const all = [...points.map(([, loss]) => loss), ...measured.map(({ loss }) => loss)].filter(Number.isFinite)
  const [low, high] = all.length === 0 ? [0, 1] : [Math.min(...all), Math.max(...all)]
  const span = high === low ? 1 : high - low
  const x = (step: number): string =>
    (LEFT + ((step - 1) / Math.max(1, losses.length - 1)) * (WIDTH - LEFT - RIGHT)).toFixed(1)
  const y = (loss: number): string => (TOP + ((high - loss) / span) * (HEIGHT - TOP - BOTTOM)).toFixed(1)
  const line = (own: readonly (readonly [step: number, loss: number])[]): string =>
    own
      .filter(([, loss]) => Number.isFinite(loss))
      .map(([step, loss]) => `${x(step)},${y(loss)}`)
      .join(' ')
  const floor = HEIGHT - BOTTOM
  const text = (at: string, baseline: number, anchor: string, label: string): string =>
    `<text x="${at}" y="${baseline}" text-anchor="${anchor}">${label}</text>`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#444">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<path d="M${LEFT} ${TOP}V${floor}H${WIDTH - RIGHT}" fill="none" stroke="#999"/>`,
    text(String(LEFT - 6), TOP + 4, 'end', lossText(high)),
    text(String(LEFT - 6), floor + 4, 'end', lossText(low)),
    text(String(LEFT), floor + 16, 'middle', '1'),
    text(String(WIDTH - RIGHT), floor + 16, 'end', String(losses.length)),
    text(String((WIDTH + LEFT - RIGHT) / 2), floor + 30, 'middle', 'step'),
    `<polyline points="${line(points)}" fill="none" stroke="#1f77b4" stroke-width="1.5"/>`,
    text(String(WIDTH - RIGHT), TOP - 8, 'end', measured.length === 0 ? 'loss' : 'loss (blue), validation (red)'),
    ...(measured.length === 0
      ? []
      : [
          `<polyline points="${line(measured.map(({ step, loss }) => [step, loss]))}" fill="none" stroke="#d62728" stroke-width="1.5"/>`,
        ]),
    '</svg>',
    '',
  ].join('\n')
}
