/** Step E: the values of each column, in the order of their lines. */
import type { i32 } from '@pith/core/wasm/memory'
import { ld32, st32 } from '@pith/core/wasm/memory'

/**
 * Collect the rows of all columns.
 *
 * A signature's program has one entry a slot of its template, 20 bytes: column, then base and offset of the value's
 * start, base and offset of its end. A base is -1 for the start of the line, 2k for the start of slot k, 2k + 1 for its end.
 *
 * @param args 32 bits each: lines, starts, ends, lineSignature, slotBase, slots, programs, programIndex (per signature:
 *   first entry and number of entries), signatureTemplate, lineTemplate (out), cursors (per column: next row), rowStart,
 *   rowEnd, rowLine (out, or 0)
 */
export function gatherRows(args: i32): void {
  const lines: i32 = ld32(args)
  const starts: i32 = ld32(args + 4)
  const ends: i32 = ld32(args + 8)
  const lineSignature: i32 = ld32(args + 12)
  const slotBase: i32 = ld32(args + 16)
  const slots: i32 = ld32(args + 20)
  const programs: i32 = ld32(args + 24)
  const programIndex: i32 = ld32(args + 28)
  const signatureTemplate: i32 = ld32(args + 32)
  const lineTemplate: i32 = ld32(args + 36)
  const cursors: i32 = ld32(args + 40)
  const rowStart: i32 = ld32(args + 44)
  const rowEnd: i32 = ld32(args + 48)
  const rowLine: i32 = ld32(args + 52)
  for (let line: i32 = 0; line < lines; line++) {
    const signature: i32 = ld32(lineSignature + (line << 2))
    const template: i32 = signature < 0 ? 0 : ld32(signatureTemplate + (signature << 2))
    const lineStart: i32 = ld32(starts + (line << 2))
    st32(lineTemplate + (line << 2), template)
    if (template === 0) {
      const row: i32 = ld32(cursors) << 2
      st32(cursors, ld32(cursors) + 1)
      st32(rowStart + row, lineStart)
      st32(rowEnd + row, ld32(ends + (line << 2)))
      st32(rowLine + row, line)
      continue
    }
    const own: i32 = slots + (ld32(slotBase + (line << 2)) << 3)
    let entry: i32 = programs + ld32(programIndex + (signature << 3))
    const stop: i32 = entry + ld32(programIndex + (signature << 3) + 4)
    while (entry < stop) {
      const cursor: i32 = cursors + (ld32(entry) << 2)
      const row: i32 = ld32(cursor) << 2
      st32(cursor, ld32(cursor) + 1)
      const from: i32 = ld32(entry + 4)
      const to: i32 = ld32(entry + 12)
      const start: i32 = from < 0 ? lineStart : ld32(own + (from << 2))
      const end: i32 = to < 0 ? lineStart : ld32(own + (to << 2))
      st32(rowStart + row, start + ld32(entry + 8))
      st32(rowEnd + row, end + ld32(entry + 16))
      st32(rowLine + row, line)
      entry += 20
    }
  }
}
