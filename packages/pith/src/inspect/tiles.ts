/** A treemap of the bytes of a log: what they are for, and within that the columns. */
import { formatBytes, formatShare } from '@pith/core'
import type { LogAnatomy, Part } from './anatomy.ts'
import { type Html, html, raw } from './html.ts'
import { columnName, columnText, MOST_COLUMNS } from './log-tables.ts'
import { SLICES, type SliceKind, type Slices } from './slices.ts'
import { type Box, squarify } from './treemap.ts'

const WIDTH = 1000
const HEIGHT = 460
/** Columns that have a tile of their own. */
const MOST_TILES = 80

interface Tile {
  readonly kind: SliceKind
  readonly bytes: number
  /** Number of the column, where it is of one. */
  readonly column?: number
}

/** The treemap of a log; its text is in the tables. */
export function byteMap(slices: Slices, log: LogAnatomy, id: string): Html {
  const total = [...slices.values()].reduce((sum, bytes) => sum + bytes, 0)
  const groups = [...slices].sort((a, b) => b[1] - a[1])
  const outer = squarify(
    groups.map(([, bytes]) => bytes),
    { x: 0, y: 0, width: WIDTH, height: HEIGHT },
  )
  const tiles = groups.flatMap(([kind, bytes], i) => {
    const own = tilesOf(kind, bytes, log)
    const boxes = squarify(
      own.map((tile) => tile.bytes),
      outer[i]!,
    )
    return own.map((tile, k) => tileOf(tile, boxes[k]!, log, total, id))
  })
  return html`<div class="map" role="group" aria-label="Treemap of the bytes of the log; the table of columns says the same">${tiles}</div>`
}

function tilesOf(kind: SliceKind, bytes: number, log: LogAnatomy): Tile[] {
  const tiles: Tile[] = []
  let left = bytes
  for (const [column, { bytes: own }] of log.columns.slice(0, MOST_TILES).entries()) {
    const part = own.get(kind as Part) ?? 0
    if (part === 0) continue
    tiles.push({ kind, bytes: part, column })
    left -= part
  }
  if (left > 0) tiles.push({ kind, bytes: left })
  return tiles.sort((a, b) => b.bytes - a.bytes)
}

function tileOf({ kind, bytes, column }: Tile, box: Box, log: LogAnatomy, total: number, id: string): Html {
  const [name] = SLICES[kind]
  const own = column === undefined ? undefined : log.columns[column]
  const amount = `${formatBytes(bytes)}, ${formatShare(bytes / total)}`
  const label = own === undefined ? `${name}: ${amount}` : `${name} of ${columnText(own)}: ${amount}`
  const fits = box.width > 54 && box.height > 22
  const style = `left:${part(box.x, WIDTH)};top:${part(box.y, HEIGHT)};width:${part(box.width, WIDTH)};height:${part(box.height, HEIGHT)};--c:var(--${kind})`
  const text = fits
    ? html`<b>${name}</b>${box.height > 40 ? html`${own === undefined ? raw('') : html`<span class="code">${columnName(own)}</span> `}${amount}` : raw('')}`
    : raw('')
  const look = fits ? 'tile' : 'tile tiny'
  return own === undefined || (column as number) >= MOST_COLUMNS
    ? html`<span class="${look}" style="${style}" role="img" aria-label="${label}" title="${label}">${text}</span>`
    : html`<a class="${look}" href="#${id}c${column!}" style="${style}" aria-label="${label}" title="${label}">${text}</a>`
}

function part(length: number, of: number): string {
  return `${((100 * length) / of).toFixed(3)}%`
}
