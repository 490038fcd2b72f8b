/** Whether a Thrift structure is whole, before a library that trusts its sizes reads it. */

const MAX_DEPTH = 32

/** Refused bytes; the caller says of which file. */
export class BadParquet extends Error {}

interface Cursor {
  readonly bytes: Uint8Array
  at: number
  /** Elements of open lists that are still to come: each takes a byte or more. */
  owed: number
}

/**
 * Walk over a structure in Thrift's compact protocol.
 *
 * @returns where it ends
 * @throws BadParquet it is cut, too deep, or lists more than its bytes can hold
 */
export function checkThrift(bytes: Uint8Array, from = 0): number {
  const cursor: Cursor = { bytes, at: from, owed: 0 }
  skipStruct(cursor, 0)
  return cursor.at
}

function skipStruct(cursor: Cursor, depth: number): void {
  if (depth > MAX_DEPTH) throw new BadParquet('its header is nested too deep')
  for (;;) {
    const head = byte(cursor)
    if ((head & 15) === 0) return
    if (head >> 4 === 0) varint(cursor)
    skip(cursor, head & 15, depth, false)
  }
}

function skip(cursor: Cursor, type: number, depth: number, isItem: boolean): void {
  if (type === 1 || type === 2) move(cursor, isItem ? 1 : 0)
  else if (type === 3) move(cursor, 1)
  else if (type === 7) move(cursor, 8)
  else if (type >= 4 && type <= 6) varint(cursor)
  else if (type === 8) move(cursor, varint(cursor))
  else if (type === 12) skipStruct(cursor, depth + 1)
  else if (type === 9) skipList(cursor, depth + 1)
  else throw new BadParquet('its header has a value of no type')
}

function skipList(cursor: Cursor, depth: number): void {
  if (depth > MAX_DEPTH) throw new BadParquet('its header is nested too deep')
  const head = byte(cursor)
  const count = head >> 4 === 15 ? varint(cursor) : head >> 4
  cursor.owed += count
  if (cursor.owed > cursor.bytes.length - cursor.at) throw new BadParquet('its header lists more than there is')
  for (let i = 0; i < count; i++) {
    skip(cursor, head & 15, depth, true)
    cursor.owed--
  }
}

function byte(cursor: Cursor): number {
  if (cursor.at >= cursor.bytes.length) throw new BadParquet('its header is cut short')
  return cursor.bytes[cursor.at++] as number
}

function move(cursor: Cursor, count: number): void {
  if (count > cursor.bytes.length - cursor.at) throw new BadParquet('its header is cut short')
  cursor.at += count
}

/** An unsigned number of at most 64 bits; it may have lost its lowest bits where it is above 2^53. */
function varint(cursor: Cursor): number {
  let value = 0
  let scale = 1
  for (let i = 0; i < 10; i++) {
    const own = byte(cursor)
    value += (own & 127) * scale
    if (own < 128) return value
    scale *= 128
  }
  throw new BadParquet('its header has a number without end')
}
