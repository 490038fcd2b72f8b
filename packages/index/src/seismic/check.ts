/** Whether records and tables that were read are such that a search stays within them. */
import { PithError } from '@pith/core'
import { type Forward, headSize } from './forward.ts'
import { HEAD_BYTES, MIDDLE } from './kernels/record.ts'

/** @throws PithError `PITH_CORRUPT` a component is not below `components`, a tail does not lie within the tails, or a row has one twice */
export function checkForward({ rows, isWide, heads, tails }: Forward, components: number): void {
  const head = viewOf(heads)
  const tail = viewOf(tails)
  const size = headSize(isWide)
  const width = isWide ? 4 : 2
  if (tails.length < 2 || tail.getUint16(0, true) !== 0) throw damaged('the tails do not start with an empty one')
  const lastRow = new Uint32Array(components).fill(0xffffffff)
  const take = (view: DataView, at: number, row: number): void => {
    const component = isWide ? view.getUint32(at, true) : view.getUint16(at, true)
    if (component >= components) throw damaged(`row ${row} has component ${component} of ${components}`)
    if (lastRow[component] === row) throw damaged(`row ${row} has component ${component} twice`)
    lastRow[component] = row
  }
  for (let row = 0; row < rows; row++) {
    const at = HEAD_BYTES * row
    const codes = at + (isWide ? 48 : 40)
    let n = 0
    while (n < size && heads[codes + n] !== 0) take(head, at + width * n++, row)
    for (let i = n; i < size; i++) {
      const component = isWide ? head.getUint32(at + 4 * i, true) : head.getUint16(at + 2 * i, true)
      if (heads[codes + i] !== 0 || component !== 0) throw damaged(`the head of row ${row} has a gap`)
    }
    const place = 2 * head.getUint32(at + 60, true)
    if (place + 2 > tails.length) throw damaged(`row ${row} has its tail at ${place}`)
    const length = tail.getUint16(place, true)
    if (n < size && place !== 0) throw damaged(`row ${row} has a tail behind a head with room`)
    if (place + 2 + (width + 1) * length > tails.length) throw damaged(`the tail of row ${row} ends behind the tails`)
    const middle = Math.min(length, MIDDLE)
    for (let i = 0; i < length; i++) {
      const [at, own, from] =
        i < middle ? [place + 2, middle, i] : [place + 2 + (width + 1) * middle, length - middle, i - middle]
      take(tail, at + width * from, row)
      if (tails[at + width * own + from] === 0) throw damaged(`row ${row} has a code of 0`)
    }
  }
}

/** @throws PithError `PITH_CORRUPT` buckets of a table do not lie within it, or name blocks that their group lacks */
export function checkTables(groups: Uint32Array, places: Uint32Array, tables: Uint8Array, isWide: boolean): void {
  const view = viewOf(tables)
  for (let group = 0; group + 1 < groups.length; group++) {
    const [from, to] = [places[group] as number, places[group + 1] as number]
    const blocks = (groups[group + 1] as number) - (groups[group] as number)
    if (to - from < 8) throw damaged(`table ${group} has ${to - from} bytes`)
    const [bits, width] = [tables[from] as number, tables[from + 1] as number]
    const isKnown = isWide ? width === 4 : width === 2 || (width === 1 && bits >= 8)
    if (bits > 16 || !isKnown) throw damaged(`table ${group} has ${bits} bits and tags of ${width} bytes`)
    const entries = from + 6 + 2 * 2 ** bits
    if (entries > to) throw damaged(`table ${group} ends within its buckets`)
    let last = 0
    for (let bucket = 0; bucket <= 2 ** bits; bucket++) {
      const start = view.getUint16(from + 4 + 2 * bucket, true)
      if (start < last || (bucket === 0 && start !== 0)) throw damaged(`buckets of table ${group} do not ascend`)
      last = start
    }
    if (entries + (width + 2) * last !== to) throw damaged(`table ${group} of ${last} entries has ${to - from} bytes`)
    for (let at = entries + width; at < to; at += width + 2) {
      if ((tables[at] as number) >= blocks) throw damaged(`table ${group} names block ${tables[at]} of ${blocks}`)
    }
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function damaged(what: string): PithError {
  return new PithError('PITH_CORRUPT', `the Seismic index is damaged: ${what}`, {
    hint: 'Build the index again, or restore it from a copy.',
  })
}
