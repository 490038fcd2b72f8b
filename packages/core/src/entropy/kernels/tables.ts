/**
 * Integer tables of the context-mixing engine: logistic functions and bit histories. docs/format-entropy.md section 3.
 *
 * @module
 */
import type { i32 } from '../../wasm/memory.ts'
import { ld8, ld16, lds16, mulhu, shru, st8, st16, udiv } from '../../wasm/memory.ts'

/** Logits are in units of 1/1024 and lie in -12288..12287. */
export const LOGIT_LIMIT: i32 = 12288
/** u16[6144]: probability in 1/65536 of the logit `4 * i - 12288`. */
const SQUASH_BYTES: i32 = 12288
/** i16[4096]: logit of the probability `(i + 1/2) / 4096`. */
const STRETCH_BYTES: i32 = 8192
/** u8[4] per history: next history after a zero, after a one, zeros seen, ones seen. */
const HISTORY_BYTES: i32 = 1024
/** u8[50][50]: number of the history with so many zeros and ones, used while the table is made. */
const NUMBER_BYTES: i32 = 2512
/** Bytes of all tables. */
export const TABLE_BYTES: i32 = SQUASH_BYTES + STRETCH_BYTES + HISTORY_BYTES + NUMBER_BYTES

/** e^(-1/256) in units of 2^-32. */
const STEP: i32 = -16744491

let squashAt: i32 = 0
let stretchAt: i32 = 0
let historyAt: i32 = 0
let numberAt: i32 = 0

/** Use the tables that {@link tablesInit} made at `base`. */
export function tablesOpen(base: i32): void {
  squashAt = base
  stretchAt = (base + SQUASH_BYTES) | 0
  historyAt = (stretchAt + STRETCH_BYTES) | 0
  numberAt = (historyAt + HISTORY_BYTES) | 0
}

/** Fill the tables from `base`, which is a multiple of 16. */
export function tablesInit(base: i32): void {
  tablesOpen(base)
  // odds = e^-x in units of 2^-31, from x = 0 down the negative side; the positive side is its mirror.
  let odds: i32 = -1
  for (let i = 0; i < 3072; i++) {
    // 65536 * odds / (1 + odds), rounded; halves keep the sum within 32 bits.
    const half = shru(odds, 1)
    const p = udiv(half, shru(half, 16) + 32768)
    const q = p < 1 ? 1 : p > 65535 ? 65535 : p
    st16(squashAt + 2 * (3072 - i), q)
    if (i > 0) st16(squashAt + 2 * (3072 + i), 65536 - q)
    odds = mulhu(odds, STEP)
  }
  st16(squashAt, ld16(squashAt + 2))
  let x = 0
  for (let i = 0; i < 4096; i++) {
    const p = 16 * i + 8
    while (x < 6143 && ld16(squashAt + 2 * x) < p) x++
    st16(stretchAt + 2 * i, 4 * x - LOGIT_LIMIT)
  }
  fillHistories()
}

/** Probability in 1/65536 of a logit. */
export function squash(x: i32): i32 {
  const y = x > 12287 ? 12287 : x < -12288 ? -12288 : x
  return ld16(squashAt + (((y + LOGIT_LIMIT) >> 2) << 1))
}

/** Logit of the probability `p` / 4096, `p` in 0..4095. */
export function stretch(p: i32): i32 {
  return lds16(stretchAt + 2 * p)
}

/** Address of the table behind {@link stretch}, for inner loops. */
export function stretchTable(): i32 {
  return stretchAt
}

/** Address of u8[256][4]: next history after a zero, after a one, zeros, ones. */
export function historyTable(): i32 {
  return historyAt
}

/** Zeros that a history stands for. */
export function zerosOf(history: i32): i32 {
  return ld8(historyAt + 4 * history + 2)
}

/** Ones that a history stands for. */
export function onesOf(history: i32): i32 {
  return ld8(historyAt + 4 * history + 3)
}

/** Most that the larger of two counts may be when the smaller is `n`. */
function bound(n: i32): i32 {
  switch (n) {
    case 0:
      return 20
    case 1:
      return 48
    case 2:
      return 15
    case 3:
      return 8
    case 4:
      return 6
    case 5:
      return 5
  }
  return -1
}

/** Histories kept for the counts: 0 none, 1, or 2 where the last bit is kept, too. */
function histories(a: i32, b: i32): i32 {
  const large = a > b ? a : b
  const small = a > b ? b : a
  if (large > bound(small)) return 0
  return small > 0 && a + b <= 17 ? 2 : 1
}

/** What is left of a count when the other bit comes. */
function discount(n: i32): i32 {
  if (n > 7) return 7
  if (n > 6) return 6
  return n > 5 ? 5 : n
}

/** The counts after one more bit of the first kind, as `a * 256 + b`, brought back to what is kept. */
function step(first: i32, second: i32): i32 {
  let a = first + 1
  let b = discount(second)
  while (histories(a, b) === 0) {
    const small = a < b ? a : b
    if (small < 2) {
      if (a > b) a--
      else b--
    } else if (a > b) {
      a = udiv(a * (b - 1) + (b >> 1), b)
      b--
    } else {
      b = udiv(b * (a - 1) + (a >> 1), a)
      a--
    }
  }
  return a * 256 + b
}

/** Number of the history with these counts and last bit: histories are numbered by total, then by ones. */
function numberOf(zeros: i32, ones: i32, last: i32): i32 {
  return ld8(numberAt + 50 * zeros + ones) + (histories(zeros, ones) === 2 ? last : 0)
}

function fillHistories(): void {
  let number = 0
  for (let total = 0; total <= 49; total++) {
    for (let ones = 0; ones <= total; ones++) {
      const kinds = histories(total - ones, ones)
      if (kinds === 0) continue
      st8(numberAt + 50 * (total - ones) + ones, number)
      number += kinds
    }
  }
  for (let zeros = 0; zeros <= 48; zeros++) {
    for (let ones = 0; ones <= 48; ones++) {
      const kinds = histories(zeros, ones)
      for (let last = 0; last < kinds; last++) {
        const at = historyAt + 4 * numberOf(zeros, ones, last)
        const zero = step(zeros, ones)
        const one = step(ones, zeros)
        st8(at, numberOf(shru(zero, 8), zero & 255, 0))
        st8(at + 1, numberOf(one & 255, shru(one, 8), 1))
        st8(at + 2, zeros)
        st8(at + 3, ones)
      }
    }
  }
}
