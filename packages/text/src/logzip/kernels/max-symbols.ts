/** Level `max`: templates of lines, ids and numbers of columns. */
import { cmOverrun, cmSetApm, cmSetContext, cmSetExpect, cmSetMixers, cmUse } from '@pith/core/kernels/cm'
import type { f64, i32 } from '@pith/core/wasm/memory'
import { clz, floorF64, ld32, ldf64, shru, st32, stf64, toF64, toI32 } from '@pith/core/wasm/memory'
import {
  bitsBelow,
  guess,
  guessCell,
  guessValue,
  isDecoding,
  learnGuess,
  leaveEngine,
  mix2,
  mix3,
  mix4,
  openEngine,
  symbol,
} from './max-engine.ts'

const BANK_TEMPLATE: i32 = 0
const BANK_ID: i32 = 1
const BANK_SMALL: i32 = 2
const BANK_CLASS: i32 = 3
const BANK_HIGH: i32 = 4
const BANK_MIDDLE: i32 = 5
const BANK_LOW: i32 = 6
const BANK_REFERENCE: i32 = 7

const MAX_OVERRUN: i32 = 8
const MAX_VALUE: f64 = 9007199254740992

function least(a: i32, b: i32): i32 {
  return a < b ? a : b
}

/** Word `i` of an array, 0 before its begin. */
function word(at: i32, i: i32): i32 {
  return i >= 0 ? ld32(at + (i << 2)) : 0
}

/** Code the template of each of `n` lines. */
export function maxTemplates(base: i32, ids: i32, n: i32, limit: i32): void {
  openEngine(base)
  codeTemplates(ids, n, limit)
  leaveEngine()
}

function codeTemplates(ids: i32, n: i32, limit: i32): void {
  const bits: i32 = bitsBelow(limit)
  if (bits === 0) {
    for (let i: i32 = 0; i < n; i++) st32(ids + (i << 2), 0)
    return
  }
  cmUse(BANK_TEMPLATE, 14)
  let run: i32 = 0
  for (let i: i32 = 0; i < n; i++) {
    if (isDecoding() !== 0 && cmOverrun() > MAX_OVERRUN) return
    const t1: i32 = word(ids, i - 1)
    const t2: i32 = word(ids, i - 2)
    const t3: i32 = word(ids, i - 3)
    const t4: i32 = word(ids, i - 4)
    const h2: i32 = mix3(0x1000, t1, t2)
    const h3: i32 = mix2(h2, t3)
    const h4: i32 = mix2(h3, t4)
    const h6: i32 = mix3(h4, word(ids, i - 5), word(ids, i - 6))
    const h10: i32 = mix3(mix3(h6, word(ids, i - 7), word(ids, i - 8)), word(ids, i - 9), word(ids, i - 10))
    let bag: i32 = 0
    for (let k: i32 = 1; k <= 6; k++) bag = (bag + mix2(word(ids, i - k), 77)) | 0
    cmSetContext(0, 0)
    cmSetContext(1, t1)
    cmSetContext(2, h2)
    cmSetContext(3, h3)
    cmSetContext(4, h4)
    cmSetContext(5, h6)
    cmSetContext(6, t2)
    cmSetContext(7, mix2(t2, t3))
    cmSetContext(8, t3)
    cmSetContext(9, mix2(t1, t3))
    cmSetContext(10, mix2(t1, least(run, 30)))
    cmSetContext(11, bag)
    cmSetContext(12, mix2(t1, t4))
    cmSetContext(13, mix3(t2, t3, t4))
    const g0: i32 = guess(h10)
    const c0: i32 = guessCell()
    const g1: i32 = guess(h4)
    const c1: i32 = guessCell()
    const g2: i32 = guess(h2)
    const c2: i32 = guessCell()
    cmSetExpect(0, guessValue(c0), g0)
    cmSetExpect(1, guessValue(c1), g1)
    cmSetExpect(2, guessValue(c2), g2)
    cmSetMixers(least(g0, 7) * 8 + least(g1, 7), least(g2, 15))
    cmSetApm(t1, mix2(t1, t2))
    const id: i32 = symbol(ld32(ids + (i << 2)), bits)
    st32(ids + (i << 2), id)
    learnGuess(c0, h10, id)
    learnGuess(c1, h4, id)
    learnGuess(c2, h2, id)
    run = id === t1 ? run + 1 : 0
  }
}

/** Code which columns back the next column refers to: `n` words at `at`, each below 256. */
export function maxReferences(base: i32, at: i32, n: i32): void {
  openEngine(base)
  codeReferences(at, n)
  leaveEngine()
}

function codeReferences(at: i32, n: i32): void {
  cmUse(BANK_REFERENCE, 2)
  let before: i32 = 0
  for (let k: i32 = 0; k < n; k++) {
    cmSetContext(0, k)
    cmSetContext(1, mix3(k, before, 99))
    cmSetMixers(1025, 513)
    cmSetApm(0, 0)
    before = symbol(ld32(at + (k << 2)), 8)
    st32(at + (k << 2), before)
  }
}

let column: i32 = 0
let lefts: i32 = 0
let leftCount: i32 = 0
let lines: i32 = 0
let lineTemplates: i32 = 0
let lineCount: i32 = 0

/** Symbol of a left column in the line of row `i`; 0 where there is none. */
function left(k: i32, i: i32): i32 {
  return k < leftCount ? ld32(ld32(lefts + (k << 2)) + (i << 2)) : 0
}

function templateOf(line: i32): i32 {
  return line >= 0 && line < lineCount ? ld32(lineTemplates + (line << 2)) : 0
}

function setColumn(args: i32): void {
  openEngine(ld32(args))
  column = ld32(args + 4)
  lefts = ld32(args + 8)
  leftCount = ld32(args + 12)
  lines = ld32(args + 16)
  lineTemplates = ld32(args + 20)
  lineCount = ld32(args + 24)
}

/**
 * Code the ids of a column.
 *
 * @param args engine, column, lefts (addresses of the symbols of left columns, i32 a row), their number, lines (i32 a row),
 *   templates of all lines, their number, ids (i32 a row), rows, limit
 */
export function maxIds(args: i32): void {
  setColumn(args)
  codeIds(args)
  leaveEngine()
}

function codeIds(args: i32): void {
  const ids: i32 = ld32(args + 28)
  const rows: i32 = ld32(args + 32)
  const bits: i32 = bitsBelow(ld32(args + 36))
  if (bits === 0) {
    for (let i: i32 = 0; i < rows; i++) st32(ids + (i << 2), 0)
    return
  }
  cmUse(BANK_ID, 20)
  const salt: i32 = mix2(column, 0x5bd1e995)
  let most: i32 = -1
  let sinceFresh: i32 = 0
  for (let i: i32 = 0; i < rows; i++) {
    if (isDecoding() !== 0 && cmOverrun() > MAX_OVERRUN) return
    const line: i32 = ld32(lines + (i << 2))
    const gap: i32 = i > 0 ? least(line - ld32(lines + (i << 2) - 4), 20) : 0
    const t: i32 = templateOf(line)
    const tp: i32 = templateOf(line - 1)
    const tn: i32 = templateOf(line + 1)
    const c1: i32 = word(ids, i - 1)
    const c2: i32 = word(ids, i - 2)
    const c3: i32 = word(ids, i - 3)
    const l1: i32 = left(0, i)
    const l2: i32 = left(1, i)
    const l3: i32 = left(2, i)
    const l12: i32 = mix3(salt, l1, l2)
    const l123: i32 = mix2(l12, l3)
    const all: i32 = mix3(l123, left(3, i), left(4, i))
    const h2: i32 = mix3(salt, c1, c2)
    const h3: i32 = mix2(h2, c3)
    const h4: i32 = mix2(h3, word(ids, i - 4))
    const hl1: i32 = mix3(salt, l1, 1)
    const hall: i32 = mix2(all, 2)
    const hm: i32 = mix2(h4, 3)
    const g0: i32 = guess(hm)
    const e0: i32 = guessCell()
    const g1: i32 = guess(hl1)
    const e1: i32 = guessCell()
    const g2: i32 = guess(hall)
    const e2: i32 = guessCell()
    const s1: i32 = g1 > 0 ? guessValue(e1) : -1
    cmSetContext(0, salt)
    cmSetContext(1, mix2(salt, c1))
    cmSetContext(2, h2)
    cmSetContext(3, h3)
    cmSetContext(4, hl1)
    cmSetContext(5, mix3(salt, l2, 2))
    cmSetContext(6, mix3(salt, l3, 3))
    cmSetContext(7, l12)
    cmSetContext(8, l123)
    cmSetContext(9, mix4(salt, l1, c1, 4))
    cmSetContext(10, mix4(salt, t, tp, 5))
    cmSetContext(11, mix4(salt, t, c1, 6))
    cmSetContext(12, mix4(salt, s1, g1, 7))
    cmSetContext(13, mix4(salt, s1, c1, 8))
    cmSetContext(14, mix4(salt, t, tn, 9))
    cmSetContext(15, mix4(salt, gap, c1, 10))
    cmSetContext(16, mix3(salt, left(3, i), 11))
    cmSetContext(17, mix3(salt, left(4, i), 12))
    cmSetContext(18, all)
    cmSetContext(19, mix3(salt, c2, 13))
    const next: i32 = most + 1
    const age: i32 = sinceFresh < 4 ? sinceFresh : 35 - clz(sinceFresh) > 7 ? 7 : 35 - clz(sinceFresh)
    cmSetExpect(0, guessValue(e0), g0)
    cmSetExpect(1, guessValue(e1), g1)
    cmSetExpect(2, guessValue(e2), g2)
    cmSetExpect(3, next, 1 + age + (g1 > 0 ? 8 : 0) + (g2 > 0 ? 16 : 0))
    cmSetMixers(
      column & 1023,
      64 + least(g0, 3) * 64 + least(g1, 3) * 16 + least(g2, 3) * 4 + (age < 3 ? 0 : age < 6 ? 1 : 2),
    )
    cmSetApm(mix2(salt, c1), mix2(salt, l1))
    const id: i32 = symbol(ld32(ids + (i << 2)), bits)
    st32(ids + (i << 2), id)
    learnGuess(e0, hm, id)
    learnGuess(e1, hl1, id)
    learnGuess(e2, hall, id)
    if (id > most) {
      most = id
      sinceFresh = 0
    } else sinceFresh++
  }
}

function bitLength(v: f64): i32 {
  if (v < 4294967296) return 32 - clz(toI32(v))
  return 64 - clz(toI32(floorF64(v / 4294967296)))
}

/** 2^n; n in 0..53. */
function power(n: i32): f64 {
  if (n < 31) return toF64(1 << n)
  return toF64(1 << (n - 30)) * 1073741824
}

/** Bits `shift`..`shift + width` of an integer below 2^53; width at most 24. */
function bitsOf(v: f64, shift: i32, width: i32): i32 {
  const q: f64 = floorF64(v / power(shift))
  const high: f64 = floorF64(q / power(width))
  return toI32(q - high * power(width))
}

function low32(v: f64): i32 {
  return toI32(v)
}

/**
 * Code the residuals of a numeric column.
 *
 * @param args as {@link maxIds} up to the number of lines, then residuals (f64 a row), rows, 1 where they are below 256,
 *   kind (0 number, 1 time), mode, hashes (room for 24 words), symbols (out: i32 a row for the columns to the right)
 */
export function maxNumbers(args: i32): void {
  setColumn(args)
  codeNumbers(args)
  leaveEngine()
}

function codeNumbers(args: i32): void {
  const residuals: i32 = ld32(args + 28)
  const rows: i32 = ld32(args + 32)
  const small: i32 = ld32(args + 36)
  const kind: i32 = ld32(args + 40)
  const mode: i32 = ld32(args + 44)
  const hashes: i32 = ld32(args + 48)
  const symbols: i32 = ld32(args + 52)
  const salt: i32 = mix2(column, 0x5bd1e995)
  const family: i32 = mix3(kind, mode, 0x77)
  const n: i32 = 21
  let r1: i32 = 0
  let r2: i32 = 0
  let r3: i32 = 0
  let q1: i32 = 0
  let q2: i32 = 0
  let q3: i32 = 0
  let value: f64 = 0
  let bits: i32 = 8
  if (small !== 0) {
    let top: f64 = 0
    if (isDecoding() === 0)
      for (let i: i32 = 0; i < rows; i++) if (ldf64(residuals + (i << 3)) > top) top = ldf64(residuals + (i << 3))
    cmUse(BANK_LOW, 2)
    cmSetContext(0, 0x1234)
    cmSetContext(1, family)
    cmSetMixers(1024, 512)
    cmSetApm(0, 0)
    bits = symbol(bitLength(top), 4)
    if (bits > 8) bits = 8
  }
  for (let i: i32 = 0; i < rows; i++) {
    if (isDecoding() !== 0 && cmOverrun() > MAX_OVERRUN) return
    const line: i32 = ld32(lines + (i << 2))
    const gap: i32 = i > 0 ? line - ld32(lines + (i << 2) - 4) : 0
    const near: i32 = least(gap, 12)
    const t: i32 = templateOf(line)
    const tp: i32 = templateOf(line - 1)
    const tn: i32 = templateOf(line + 1)
    const l1: i32 = left(0, i)
    const l2: i32 = left(1, i)
    const l3: i32 = left(2, i)
    const v1: i32 = low32(value)
    const hl1: i32 = mix3(salt, l1, 21)
    const hm: i32 = mix4(salt, r1, r2, r3)
    const hv: i32 = mix3(salt, v1, 22)
    // What came with the same symbol to the left, as a value; what came after the same residuals; after the same value.
    const g0: i32 = guess(hm)
    const e0: i32 = guessCell()
    const g1: i32 = guess(hl1)
    const e1: i32 = guessCell()
    const g2: i32 = guess(hv)
    const e2: i32 = guessCell()
    const s1: i32 = g1 > 0 ? guessValue(e1) : 0
    st32(hashes, mix2(salt, 1))
    st32(hashes + 4, mix3(salt, r1, 2))
    st32(hashes + 8, mix4(salt, r1, r2, 3))
    st32(hashes + 12, mix4(salt, q1, (q2 << 8) | q3, 4))
    st32(hashes + 16, mix4(salt, t, tp, 5))
    st32(hashes + 20, mix3(salt, l1, 6))
    st32(hashes + 24, mix3(salt, l2, 7))
    st32(hashes + 28, mix4(salt, l1, l2, 8))
    st32(hashes + 32, mix3(salt, v1, 9))
    st32(hashes + 36, mix4(salt, s1, g1, 10))
    st32(hashes + 40, mix4(salt, near, q1, 11))
    st32(hashes + 44, mix3(salt, l3, 12))
    st32(hashes + 48, mix4(salt, q1, t, 13))
    st32(hashes + 52, mix4(family, q1, q2, 14))
    st32(hashes + 56, mix4(family, l1, r1, 15))
    st32(hashes + 60, mix4(salt, t, tn, 16))
    st32(hashes + 64, mix4(salt, l1, r1, 17))
    st32(hashes + 68, mix3(salt, r2, 18))
    st32(hashes + 72, mix4(salt, l1, mix2(l2, l3), 19))
    st32(hashes + 76, mix3(salt, gap, 20))
    st32(hashes + 80, mix4(salt, clz(l1), clz(l2), 31))
    const r: f64 = ldf64(residuals + (i << 3))
    const mixer: i32 = column & 1023
    const trust: i32 = 256 + least(g0, 3) * 16 + least(g1, 3) * 4 + least(g2, 3)
    let coded: f64 = 0
    if (small !== 0) {
      if (bits > 0) {
        cmUse(BANK_SMALL, n)
        for (let k: i32 = 0; k < n; k++) cmSetContext(k, ld32(hashes + (k << 2)))
        cmSetExpect(0, guessValue(e0), g0)
        cmSetExpect(1, guessValue(e1), g1)
        cmSetExpect(2, guessValue(e2), g2)
        cmSetMixers(mixer, trust)
        cmSetApm(mix2(salt, r1), mix2(salt, l1))
        coded = toF64(symbol(toI32(r), bits))
      }
    } else {
      cmUse(BANK_CLASS, n)
      for (let k: i32 = 0; k < n; k++) cmSetContext(k, ld32(hashes + (k << 2)))
      const b0: i32 = 32 - clz(guessValue(e0))
      const b1: i32 = 32 - clz(guessValue(e1))
      const b2: i32 = 32 - clz(guessValue(e2))
      cmSetExpect(0, b0, g0)
      cmSetExpect(1, b1, g1)
      cmSetExpect(2, b2, g2)
      cmSetMixers(mixer, trust)
      cmSetApm(mix2(salt, q1), mix2(salt, l1))
      let size: i32 = symbol(bitLength(r), 6)
      if (size > 53) size = 53
      if (size > 0) coded = 1
      let rest: i32 = size - 1
      let chunk: i32 = 0
      while (rest > 0) {
        const width: i32 = least(rest, 8)
        const use: i32 = chunk === 0 ? n : chunk === 1 ? n : 6
        cmUse(chunk === 0 ? BANK_HIGH : chunk === 1 ? BANK_MIDDLE : BANK_LOW, use)
        const prefix: i32 = mix2(low32(coded), size)
        for (let k: i32 = 0; k < use; k++) cmSetContext(k, mix2(ld32(hashes + (k << 2)), prefix))
        const shift: i32 = rest - width
        setExpect(0, guessValue(e0), g0, b0 === size ? 1 : 0, rest, coded, shift, width)
        setExpect(1, guessValue(e1), g1, b1 === size ? 1 : 0, rest, coded, shift, width)
        setExpect(2, guessValue(e2), g2, b2 === size ? 1 : 0, rest, coded, shift, width)
        cmSetMixers(1024 + least(chunk, 3) * 64 + size, trust)
        cmSetApm(mix2(salt, prefix), size)
        const part: i32 = symbol(bitsOf(r, shift, width), width)
        coded = coded * toF64(1 << width) + toF64(part)
        rest = shift
        chunk++
      }
    }
    stf64(residuals + (i << 3), coded)
    const half: f64 = floorF64(coded / 2)
    const signed: f64 = half * 2 === coded ? half : -half - 1
    value = mode === 0 ? coded : mode === 2 ? signed : value + signed
    // Only a hostile file gets there; beyond 63 bits the conversion below would trap.
    if (value > MAX_VALUE || value < -MAX_VALUE) value = 0
    const code: i32 = low32(coded)
    learnGuess(e0, hm, code)
    learnGuess(e1, hl1, code)
    learnGuess(e2, hv, code)
    st32(symbols + (i << 2), code)
    r3 = r2
    r2 = r1
    r1 = code
    q3 = q2
    q2 = q1
    q1 = bitLength(coded)
  }
}

/** Expect the bits of a guessed residual where those coded so far are its own. */
function setExpect(k: i32, value: i32, trust: i32, same: i32, rest: i32, coded: f64, shift: i32, width: i32): void {
  if (trust === 0 || same === 0 || rest > 31 || shru(value, rest) !== low32(coded)) cmSetExpect(k, 0, 0)
  else cmSetExpect(k, shru(value, shift) & ((1 << width) - 1), trust)
}
