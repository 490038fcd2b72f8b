/**
 * Groups of ten tokens as the paper codes them: the first, its anchor, at 8 bits, the others as differences to what the anchor
 * comes back as. Mirrors docs/format-kv.md section 1.3.
 *
 * @module
 */
import { ByteReader, ByteWriter, PithError } from '@pith/core'
import { decodeRans, encodeRans } from '@pith/core/entropy'
import { decodePlane, dequantisePlane, encodePlane, quantisePlane } from './plane.ts'
import type { CodingTables } from './tables.ts'

/** Tokens of a group. */
const GROUP = 10

/** Largest magnitude of an anchor in steps that has a byte of its own, and the byte of all beyond. */
const REACH = 127
const ESCAPE = 128

/** Largest magnitude of an anchor in steps. */
const MOST = 2 ** 30

/** A frame in steps. */
export interface Groups {
  /** i32[width, anchors]. */
  readonly anchors: Int32Array
  /** i32[width, tokens - anchors]. */
  readonly differences: Int32Array
}

/** Steps of each number of a token. */
export interface GroupSteps {
  readonly anchors: Float32Array
  readonly differences: Float32Array
}

/** Steps that stand for a frame f32[tokens, width]. */
export function roundGroups(frame: Float32Array, steps: GroupSteps): Groups {
  const width = steps.anchors.length
  const tokens = frame.length / width
  const count = Math.ceil(tokens / GROUP)
  const anchors = new Int32Array(width * count)
  const rest = new Float32Array((tokens - count) * width)
  for (let t = 0, at = 0; t < tokens; t++) {
    const group = Math.floor(t / GROUP)
    const isAnchor = t % GROUP === 0
    for (let c = 0; c < width; c++) {
      const value = frame[t * width + c] as number
      const step = steps.anchors[c] as number
      if (isAnchor) anchors[c * count + group] = Math.max(-MOST, Math.min(MOST, Math.round(value / step)))
      else rest[at++] = value - Math.fround((anchors[c * count + group] as number) * step)
    }
  }
  return { anchors, differences: quantisePlane(rest, steps.differences, 0.5) }
}

/** The frame that steps stand for: f32[tokens, width]. */
export function restoreGroups({ anchors, differences }: Groups, steps: GroupSteps): Float32Array {
  const width = steps.anchors.length
  const firsts = dequantisePlane(anchors, steps.anchors)
  const rest = dequantisePlane(differences, steps.differences)
  const tokens = (firsts.length + rest.length) / width
  const out = new Float32Array(firsts.length + rest.length)
  for (let t = 0, at = 0; t < tokens; t++) {
    const first = Math.floor(t / GROUP) * width
    for (let c = 0; c < width; c++) {
      const anchor = firsts[first + c] as number
      out[t * width + c] = t % GROUP === 0 ? anchor : anchor + (rest[at++] as number)
    }
  }
  return out
}

/** @param classes the class that the differences of each number are expected to have */
export function encodeGroups({ anchors, differences }: Groups, classes: Uint8Array, tables: CodingTables): Uint8Array {
  const escapes = new ByteWriter(16)
  const bytes = Uint8Array.from(anchors, (code) => {
    if (Math.abs(code) <= REACH) return code & 255
    escapes.zigzag(code)
    return ESCAPE
  })
  const writer = new ByteWriter(anchors.length + differences.length)
  for (const part of [encodeRans(bytes, { order: 0 }), escapes.finish()]) {
    writer.varint(part.length)
    writer.bytes(part)
  }
  writer.bytes(encodePlane(differences, classes, tables))
  return writer.finish()
}

/** @throws PithError `PITH_CORRUPT`, `PITH_TRUNCATED`, `PITH_LIMIT` a damaged or hostile input */
export function decodeGroups(bytes: Uint8Array, tokens: number, classes: Uint8Array, tables: CodingTables): Groups {
  const count = Math.ceil(tokens / GROUP)
  const size = classes.length * count
  const reader = new ByteReader(bytes)
  const codes = decodeRans(reader.take(reader.varint()), size)
  if (codes.length !== size) throw new PithError('PITH_CORRUPT', `${codes.length} numbers of anchors stand for ${size}`)
  const escapes = new ByteReader(reader.take(reader.varint()))
  const anchors = Int32Array.from(codes, (code) => {
    if (code !== ESCAPE) return (code << 24) >> 24
    const own = escapes.zigzag()
    if (Math.abs(own) > MOST) throw new PithError('PITH_CORRUPT', `${own} is more steps than there may be`)
    return own
  })
  escapes.finish()
  return { anchors, differences: decodePlane(reader.take(reader.remaining), tokens - count, classes, tables) }
}

/** Largest magnitude of anchors in each number of a token, over frames: a byte reaches as far. */
export function reachOfAnchors(frames: readonly Float32Array[], width: number): Float32Array {
  const most = new Float32Array(width)
  for (const frame of frames) {
    for (let at = 0; at < frame.length; at += GROUP * width) {
      for (let c = 0; c < width; c++) most[c] = Math.max(most[c] as number, Math.abs(frame[at + c] as number))
    }
  }
  return most.map((own) => Math.max(own / REACH, 1e-9))
}

/** Deviations of differences in each number of a token, over frames. */
export function deviationOfDifferences(frames: readonly Float32Array[], anchors: Float32Array): Float32Array {
  const width = anchors.length
  const squares = new Float64Array(width)
  let count = 0
  for (const frame of frames) {
    for (let t = 0; t < frame.length / width; t++) {
      if (t % GROUP === 0) continue
      const first = t - (t % GROUP)
      for (let c = 0; c < width; c++) {
        const step = anchors[c] as number
        const anchor = Math.round((frame[first * width + c] as number) / step) * step
        squares[c] = (squares[c] as number) + ((frame[t * width + c] as number) - anchor) ** 2
      }
      count++
    }
  }
  return Float32Array.from(squares, (sum) => Math.sqrt(sum / Math.max(1, count)))
}
