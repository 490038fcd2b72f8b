/**
 * Attention over rounded numbers, TypeScript side; `tiles.as` has it in SIMD, with the same bits.
 *
 * A tile is a number of lines of 64 codes that share a scale and a zero each: a channel of 64 tokens of keys, or 64 channels of a
 * token of values. Lines are a multiple of 4. It is u16[lines] scales and u16[lines] zeros in half precision, then 16 bytes a line
 * of its codes, then what more bits there are: 8 bytes a line of 3 bits, 16 bytes a line of 4 bits. Code 4 s + k of a line is in
 * word k of its 16 bytes. 2 bits: from bit 2 s on. 4 bits: from bit 4 s on, of the second 16 bytes from bit 4 (s - 8) on. 3 bits:
 * from bit 3 s on for s below 10, then from bit 3 (s - 10) on of a half of the second words, which the lines 2 i (lower halves)
 * and 2 i + 1 share; the last code is bits 30 and 31 of the word and the highest bit of the half.
 *
 * @module
 */
import type { f32, i32 } from '@pith/core/wasm/memory'
import { ld16, ld32, ldf32, stf32 } from '@pith/core/wasm/memory'

const round = Math.fround

function half(h: i32): f32 {
  const exponent = (h >> 10) & 31
  const mantissa = h & 1023
  const size = exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25)
  return (h & 0x8000) === 0 ? size : -size
}

/** The sum of four lanes, in one order. */
function lanes(a: f32, b: f32, c: f32, d: f32): f32 {
  return round(round(a + b) + round(c + d))
}

/**
 * Add to 64 numbers the lines of tiles, each times a number: out[i] += v[l] (zero[l] + scale[l] code[l][i]).
 *
 * @param v address of f32[lines] of the first tile; `vStep` bytes on are those of the next one
 * @param tile address of the first of `count` tiles, `stride` bytes from one to the next
 * @param lines a multiple of 4
 * @param bits 2, 3 or 4
 * @param out address of f32[64] of the first tile; `outStep` bytes on are those of the next one
 * @param scratch address of f32[lines]
 */
export function addTiles(
  v: i32,
  vStep: i32,
  tile: i32,
  stride: i32,
  count: i32,
  lines: i32,
  bits: i32,
  out: i32,
  outStep: i32,
  scratch: i32,
): void {
  for (let i = 0; i < count; i++) {
    addTile(v + i * vStep, tile + i * stride, lines, bits, out + i * outStep, scratch)
  }
}

const SUMS = new Float32Array(64)

/** How far up a code stands in its word, within the bits that the kernel takes at once: its sum is made smaller at the end. */
function shiftOf(bits: i32, s: i32): i32 {
  return bits === 3 ? (s === 15 ? 0 : 3 * (s % 5)) : bits * (s & 3)
}

function codeAt(low: i32, high: i32, bits: i32, line: i32, place: i32): i32 {
  const word = 4 * (place & 3)
  const s = (place >> 2) & 15
  const first = ld32(low + 16 * line + word)
  if (bits === 2) return (first >> (2 * s)) & 3
  if (bits === 4) return s < 8 ? (first >> (4 * s)) & 15 : (ld32(high + 16 * line + word) >> (4 * (s - 8))) & 15
  const second = ld32(high + 16 * (line >> 1) + word) >> (16 * (line & 1))
  if (s < 10) return (first >> (3 * s)) & 7
  if (s < 15) return (second >> (3 * (s - 10))) & 7
  return ((first >> 30) & 3) | ((second >> 13) & 4)
}

/** Add `count` codes from the lowest bits of a word on, not shifted down, to every fourth sum from `at` on. */
function addCodes(weight: f32, word: i32, bits: i32, count: i32, at: i32): void {
  let mask = (1 << bits) - 1
  for (let i = 0; i < count; i++) {
    SUMS[at + 4 * i] = (SUMS[at + 4 * i] as number) + round(weight * (word & mask))
    mask <<= bits
  }
}

function addTile(v: i32, tile: i32, lines: i32, bits: i32, out: i32, scratch: i32): void {
  const base = [0, 0, 0, 0]
  for (let l = 0; l < lines; l++) {
    const own = ldf32(v + 4 * l)
    stf32(scratch + 4 * l, round(own * half(ld16(tile + 2 * l))))
    base[l & 3] = round((base[l & 3] as number) + round(own * half(ld16(tile + 2 * lines + 2 * l))))
  }
  const zero = lanes(base[0] as number, base[1] as number, base[2] as number, base[3] as number)
  const low = tile + 4 * lines
  const high = low + 16 * lines
  SUMS.fill(0)
  for (let l = 0; l < lines; l++) {
    const weight = ldf32(scratch + 4 * l)
    for (let k = 0; k < 4; k++) {
      const first = ld32(low + 16 * l + 4 * k)
      const second = bits === 4 ? ld32(high + 16 * l + 4 * k) : 0
      if (bits === 3) {
        const other = ld32(high + 16 * (l >> 1) + 4 * k) >> (16 * (l & 1))
        addCodes(weight, first, 3, 5, k)
        addCodes(weight, first >> 15, 3, 5, k + 20)
        addCodes(weight, other, 3, 5, k + 40)
        addCodes(weight, ((first >> 30) & 3) | ((other >> 13) & 4), 3, 1, k + 60)
      } else if (bits === 2) {
        for (let part = 0; part < 4; part++) addCodes(weight, first >> (8 * part), 2, 4, k + 16 * part)
      } else {
        addCodes(weight, first, 4, 4, k)
        addCodes(weight, first >> 16, 4, 4, k + 16)
        addCodes(weight, second, 4, 4, k + 32)
        addCodes(weight, second >> 16, 4, 4, k + 48)
      }
    }
  }
  for (let i = 0; i < 64; i++) {
    const sum = round((SUMS[i] as number) * 2 ** -shiftOf(bits, i >> 2))
    stf32(out + 4 * i, round(ldf32(out + 4 * i) + round(sum + zero)))
  }
}

/**
 * Put right what outliers are off by in a tile: out[i] += v[l] (value - zero[l] - scale[l] code[l][i]).
 *
 * @param list address of u16[count, 2]: 64 l + i, and the value in half precision
 */
export function addOutliers(v: i32, tile: i32, lines: i32, bits: i32, list: i32, count: i32, out: i32): void {
  const low = tile + 4 * lines
  const high = low + 16 * lines
  for (let n = 0; n < count; n++) {
    const place = ld16(list + 4 * n)
    const line = place >> 6
    const code = codeAt(low, high, bits, line, place)
    const scaled = round(half(ld16(tile + 2 * line)) * code)
    const off = round(half(ld16(list + 4 * n + 2)) - round(half(ld16(tile + 2 * lines + 2 * line)) + scaled))
    const at = out + 4 * (place & 63)
    stf32(at, round(ldf32(at) + round(ldf32(v + 4 * line) * off)))
  }
}

/**
 * Add rows, each times a number: out[i] += v[l] rows[l][i].
 *
 * @param v address of f32[lines]
 * @param rows address of the first row, `stride` numbers from one to the next
 * @param width numbers of a row, a multiple of 4
 * @param out address of f32[width]
 */
export function addRows(v: i32, rows: i32, lines: i32, stride: i32, width: i32, out: i32): void {
  for (let i = 0; i < width; i++) {
    let sum = 0
    for (let l = 0; l < lines; l++) sum = round(sum + round(ldf32(v + 4 * l) * ldf32(rows + 4 * (l * stride + i))))
    stf32(out + 4 * i, round(ldf32(out + 4 * i) + sum))
  }
}

const WORD = new Int32Array(1)
const SINGLE = new Float32Array(WORD.buffer)

/** e^x for x up to 0, to a few units of the last place (the polynomial is that of Cephes). */
function exponential(below: f32): f32 {
  const x = Math.max(below, -87)
  const n = round(round(round(x * round(Math.LOG2E)) + 12582912) - 12582912)
  const r = round(round(x - round(n * round(0.693359375))) - round(n * round(-2.1219444e-4)))
  let y = round(1.98756915e-4)
  y = round(round(y * r) + round(1.3981999507e-3))
  y = round(round(y * r) + round(8.3334519073e-3))
  y = round(round(y * r) + round(4.1665795894e-2))
  y = round(round(y * r) + round(1.6666665459e-1))
  y = round(round(y * r) + round(5.0000001201e-1))
  y = round(round(round(y * round(r * r)) + r) + 1)
  WORD[0] = (n + 127) << 23
  return round(y * (SINGLE[0] as number))
}

/**
 * Replace scores by e^(score - largest); their sum goes to f32[1] at `sum`.
 *
 * @param count a multiple of 4, more than 0
 */
export function softmax(scores: i32, count: i32, sum: i32): void {
  let most = ldf32(scores)
  for (let i = 1; i < count; i++) most = Math.max(most, ldf32(scores + 4 * i))
  const sums = [0, 0, 0, 0]
  for (let i = 0; i < count; i++) {
    const power = exponential(round(ldf32(scores + 4 * i) - most))
    stf32(scores + 4 * i, power)
    sums[i & 3] = round((sums[i & 3] as number) + power)
  }
  stf32(sum, lanes(sums[0] as number, sums[1] as number, sums[2] as number, sums[3] as number))
}
