/** The way back: lines from templates and the rows of their columns. */
import type { i32 } from '@pith/core/wasm/memory'
import { copyOver, ld8, ld32, ldu32, mul32, rotl, shru, st8, st32 } from '@pith/core/wasm/memory'

/**
 * Bytes that {@link renderLines} will write, or -1 where a column has too few rows. `counts` (per column) receives the rows used.
 *
 * @param args as for {@link renderLines}
 */
export function measureLines(args: i32): i32 {
  return walkLines(args, 0)
}

/**
 * Write the lines `from`..`to` one behind the other with their endings.
 *
 * A template's program: number of slots, then for each slot address and length of the static text before it and the
 * column; at last address and length of the text behind the last slot.
 *
 * @param args 32 bits each: lineTemplate, from, to, programs (per template: address of its program), cursors (per
 *   column: next row), columnBase (per column: its first row), columnStop, rowStart, rowEnd, eols, out, outEnd,
 *   lineStarts (out: address of each line, or 0)
 * @returns the address behind the last byte, or -1 where a column ends too soon or the room is too small
 */
export function renderLines(args: i32): i32 {
  return walkLines(args, 1)
}

function walkLines(args: i32, writing: i32): i32 {
  const lineTemplate: i32 = ld32(args)
  const from: i32 = ld32(args + 4)
  const to: i32 = ld32(args + 8)
  const programs: i32 = ld32(args + 12)
  const cursors: i32 = ld32(args + 16)
  const columnStop: i32 = ld32(args + 20)
  const rowStart: i32 = ld32(args + 24)
  const rowEnd: i32 = ld32(args + 28)
  const eols: i32 = ld32(args + 32)
  const outEnd: i32 = ld32(args + 40)
  const lineStarts: i32 = ld32(args + 44)
  let at: i32 = ld32(args + 36)
  for (let line: i32 = from; line < to; line++) {
    let p: i32 = ld32(programs + (ld32(lineTemplate + (line << 2)) << 2))
    let slots: i32 = ld32(p)
    p += 4
    if (lineStarts !== 0) st32(lineStarts + ((line - from) << 2), at)
    while (slots > 0) {
      const length: i32 = ld32(p + 4)
      const cursor: i32 = cursors + (ld32(p + 8) << 2)
      const row: i32 = ld32(cursor)
      if (row >= ld32(columnStop + (ld32(p + 8) << 2))) return -1
      st32(cursor, row + 1)
      const start: i32 = ld32(rowStart + (row << 2))
      const size: i32 = ld32(rowEnd + (row << 2)) - start
      if (writing !== 0) {
        if (outEnd - at < length + size + 34) return -1
        copyOver(at, ld32(p), length)
        copyOver(at + length, start, size)
      }
      at += length + size
      p += 12
      slots--
    }
    const length: i32 = ld32(p + 4)
    const eol: i32 = ld8(eols + line)
    if (writing !== 0) {
      if (outEnd - at < length + 34) return -1
      copyOver(at, ld32(p), length)
      if (eol === 0) st8(at + length, 10)
      else if (eol === 1) {
        st8(at + length, 13)
        st8(at + length + 1, 10)
      }
    }
    at += length + (eol === 0 ? 1 : eol === 1 ? 2 : 0)
  }
  return at
}

/** XXH32 of `n` bytes (Y. Collet), seed 0. */
export function hash32(p0: i32, n: i32): i32 {
  const p1: i32 = -0x61c8864f
  const p2: i32 = -0x7a143589
  const p3: i32 = -0x3d4d51c3
  const p4: i32 = 0x27d4eb2f
  const p5: i32 = 0x165667b1
  let p: i32 = p0
  const end: i32 = p0 + n
  let h: i32 = 0
  if (n >= 16) {
    let a: i32 = (p1 + p2) | 0
    let b: i32 = p2
    let c: i32 = 0
    let d: i32 = (0 - p1) | 0
    while (end - p >= 16) {
      a = mul32(rotl((a + mul32(ldu32(p), p2)) | 0, 13), p1)
      b = mul32(rotl((b + mul32(ldu32(p + 4), p2)) | 0, 13), p1)
      c = mul32(rotl((c + mul32(ldu32(p + 8), p2)) | 0, 13), p1)
      d = mul32(rotl((d + mul32(ldu32(p + 12), p2)) | 0, 13), p1)
      p += 16
    }
    h = (((rotl(a, 1) + rotl(b, 7)) | 0) + ((rotl(c, 12) + rotl(d, 18)) | 0)) | 0
  } else h = p5
  h = (h + n) | 0
  while (end - p >= 4) {
    h = mul32(rotl((h + mul32(ldu32(p), p3)) | 0, 17), p4)
    p += 4
  }
  while (p < end) {
    h = mul32(rotl((h + mul32(ld8(p), p5)) | 0, 11), p1)
    p++
  }
  h = mul32(h ^ shru(h, 15), p2)
  h = mul32(h ^ shru(h, 13), p3)
  return h ^ shru(h, 16)
}
