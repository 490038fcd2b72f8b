/** The components of a chunk as whole steps, and these as bytes. Mirrors docs/format-kv.md. */
import { ByteReader, ByteWriter, PithError } from '@pith/core'
import { decodeRans, decodeRansRows, encodeRans, encodeRansRows } from '@pith/core/entropy'
import { CLASSES, type CodingTables, ESCAPE, REACH, SYMBOLS } from './tables.ts'

/** Zero is a little wider than other steps: fewer bits at about the same loss. */
const ROUND_UP = 0.4

/** Classes on each side of the expected one that are tried for a component of a chunk. */
const TRIED = 8

/** Largest magnitude in steps. */
const MOST = 2 ** 30

/**
 * Round components to whole steps.
 *
 * @param values f32[tokens, components]
 * @param steps of each component, above 0
 * @param roundUp added before what is behind the point is left out; 0.5 rounds to the nearest
 * @returns i32[components, tokens]
 */
export function quantisePlane(values: Float32Array, steps: Float32Array, roundUp: number = ROUND_UP): Int32Array {
  const components = steps.length
  const tokens = components === 0 ? 0 : values.length / components
  const out = new Int32Array(values.length)
  for (let c = 0; c < components; c++) {
    const step = steps[c] as number
    for (let t = 0; t < tokens; t++) {
      const value = values[t * components + c] as number
      const whole = Math.min(MOST, Math.floor(Math.abs(value) / step + roundUp))
      out[c * tokens + t] = value < 0 ? -whole : whole
    }
  }
  return out
}

/** The values that whole steps stand for: f32[tokens, components]. */
export function dequantisePlane(codes: Int32Array, steps: Float32Array): Float32Array {
  const components = steps.length
  const tokens = components === 0 ? 0 : codes.length / components
  const out = new Float32Array(codes.length)
  for (let c = 0; c < components; c++) {
    const step = steps[c] as number
    for (let t = 0; t < tokens; t++) out[t * components + c] = (codes[c * tokens + t] as number) * step
  }
  return out
}

/**
 * Code whole steps.
 *
 * @param codes i32[components, tokens]
 * @param classes the class that each component is expected to have; one near it is taken where that is cheaper
 */
export function encodePlane(codes: Int32Array, classes: Uint8Array, tables: CodingTables): Uint8Array {
  const components = classes.length
  const tokens = components === 0 ? 0 : codes.length / components
  const chosen = new Uint8Array(components)
  const symbols = new Uint8Array(codes.length)
  const escapes = new ByteWriter(64)
  const counts = new Uint32Array(SYMBOLS)
  for (let c = 0; c < components; c++) {
    const from = c * tokens
    counts.fill(0)
    for (let t = 0; t < tokens; t++) {
      const code = codes[from + t] as number
      const symbol = Math.abs(code) > REACH ? ESCAPE : code + REACH
      symbols[from + t] = symbol
      counts[symbol] = (counts[symbol] as number) + 1
    }
    const own = cheapest(counts, classes[c] as number, tables.cost)
    chosen[c] = own
    for (let t = 0; t < tokens; t++) {
      const symbol = symbols[from + t] as number
      if (symbol !== ESCAPE && tables.cost[own * SYMBOLS + symbol] !== Number.POSITIVE_INFINITY) continue
      symbols[from + t] = ESCAPE
      const code = codes[from + t] as number
      escapes.zigzag(code)
    }
  }
  const moved = encodeRans(
    Uint8Array.from(chosen, (own, c) => (own - (classes[c] as number)) & 255),
    { order: 0 },
  )
  const beyond = escapes.finish()
  const writer = new ByteWriter(codes.length)
  writer.varint(moved.length)
  writer.bytes(moved)
  writer.varint(beyond.length)
  writer.bytes(beyond)
  writer.bytes(encodeRansRows(symbols, tokens, chosen, tables.rans))
  return writer.finish()
}

/**
 * Whole steps from their code.
 *
 * @returns i32[components, tokens]
 * @throws PithError `PITH_CORRUPT`, `PITH_TRUNCATED`, `PITH_LIMIT` a damaged or hostile input
 */
export function decodePlane(bytes: Uint8Array, tokens: number, classes: Uint8Array, tables: CodingTables): Int32Array {
  const reader = new ByteReader(bytes)
  const moved = decodeRans(reader.take(reader.varint()), classes.length)
  if (moved.length !== classes.length) {
    throw new PithError('PITH_CORRUPT', `${moved.length} components are coded, not ${classes.length}`)
  }
  const chosen = Uint8Array.from(moved, (by, c) => (by + (classes[c] as number)) & 255)
  const wild = chosen.find((own) => own >= CLASSES)
  if (wild !== undefined) throw new PithError('PITH_CORRUPT', `there is no class ${wild}`)
  const escapes = new ByteReader(reader.take(reader.varint()))
  const symbols = decodeRansRows(reader.take(reader.remaining), tokens, chosen, tables.rans)
  const codes = new Int32Array(symbols.length)
  for (let i = 0; i < codes.length; i++) {
    const symbol = symbols[i] as number
    if (symbol !== ESCAPE) {
      codes[i] = symbol - REACH
      continue
    }
    const code = escapes.zigzag()
    if (Math.abs(code) > MOST) throw new PithError('PITH_CORRUPT', `${code} is more steps than there may be`)
    codes[i] = code
  }
  escapes.finish()
  return codes
}

function cheapest(counts: Uint32Array, expected: number, cost: Float32Array): number {
  let best = expected
  let least = Number.POSITIVE_INFINITY
  for (let c = Math.max(0, expected - TRIED); c <= Math.min(CLASSES - 1, expected + TRIED); c++) {
    let bits = c === expected ? 0 : 2
    for (let s = 0; s < SYMBOLS; s++) {
      const count = counts[s] as number
      if (count === 0) continue
      const own = cost[c * SYMBOLS + s] as number
      // What a table has no symbol for is an escape and a byte or two.
      bits +=
        count * (s === ESCAPE || own === Number.POSITIVE_INFINITY ? (cost[c * SYMBOLS + ESCAPE] as number) + 12 : own)
    }
    if (bits < least) {
      least = bits
      best = c
    }
  }
  return best
}
