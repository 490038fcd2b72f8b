/**
 * Context-mixing engine: the caller says in which contexts the next symbol stands, the engine predicts its bits by
 * mixing what it has seen in each, and codes them. docs/format-entropy.md section 4.
 *
 * Order of calls: cmInit; cmWriteTo or cmReadFrom; then per symbol cmUse (when it changes), cmSetContext for each of its
 * contexts, cmSetExpect, cmSetMixers, cmSetApm, and cmEncode or cmDecode; at the end cmFinish.
 *
 * @module
 */
import type { i32 } from '../../wasm/memory.ts'
import { copy, fill, ld8, ld16, ld32, lds16, mul32, shru, st8, st16, st32, udiv } from '../../wasm/memory.ts'
import { mixDot, mixDot3, mixTrain } from '../../wasm/vector.ts'
import {
  coderDecode,
  coderEncode,
  coderFinish,
  coderLoad,
  coderOverrun,
  coderReadFrom,
  coderSave,
  coderWriteTo,
} from './coder.ts'
import { historyTable, onesOf, squash, stretchTable, TABLE_BYTES, tablesInit, tablesOpen, zerosOf } from './tables.ts'

/** Contexts that one symbol may have. */
export const CM_CONTEXTS: i32 = 24
/** Expected values that one symbol may have. */
export const CM_EXPECTS: i32 = 4
/** Degrees of confidence in an expected value; 0 means that there is none. */
export const CM_CONFIDENCES: i32 = 64

/** Inputs of a weight set: 3 per context, 2 per expected value, a bias; the last weight is its count of uses. */
const SET_INPUTS: i32 = 88
const SET_BYTES: i32 = 352
/**
 * Per context: 0 hash, 4 row, 8 expected value of the row's bits with a one before it or 0, 12 its map cell, 16 cell
 * of the history, 20 cell of the run, 24 and 28 cells for what is not to be learned.
 */
const CONTEXT_BYTES: i32 = 32
const FINAL_BYTES: i32 = 32
const APM_POINTS: i32 = 25
/** u16[25] probabilities, u16 uses, padding. */
const APM_ROW_BYTES: i32 = 64
const APM_COUNT: i32 = 50

const HISTORY_PRIOR: i32 = 4
const HISTORY_LIMIT: i32 = 255
const EXPECT_LIMIT: i32 = 255
const APM_PRIOR: i32 = 6
const APM_LIMIT: i32 = 20
const MIX_BASE: i32 = 1800
const MIX_BOOST: i32 = 6000
const SKIP: i32 = 100
const FINAL_RATE: i32 = 1600
/** Weight of 1 is 2^29. */
const WEIGHT_SUM: i32 = 420000000

let inputAt: i32 = 0
let finalInputAt: i32 = 0
let dotAt: i32 = 0
let contextAt: i32 = 0
let runMapAt: i32 = 0
let expectAt: i32 = 0
let confidenceAt: i32 = 0
let rateAt: i32 = 0
let mixRateAt: i32 = 0
let lastSetAt: i32 = 0
let historyMapAt: i32 = 0
let expectMapAt: i32 = 0
let finalAt: i32 = 0
let set0At: i32 = 0
let set1At: i32 = 0
let set2At: i32 = 0
let apmAt: i32 = 0
let apmMask: i32 = 0
let slotAt: i32 = 0
let rowBits: i32 = 0

// What the caller chose for the symbol.
let contexts: i32 = 0
let inputs: i32 = 0
let expects: i32 = 0
let bank: i32 = 0
let sel0: i32 = 0
let sel1: i32 = 0
let apmHash0: i32 = 0
let apmHash1: i32 = 0

// State of the bit being coded.
let partial: i32 = 1
let node: i32 = 4
let nibble: i32 = 1
let span: i32 = 4
let w0: i32 = 0
let w1: i32 = 0
let w2: i32 = 0
let wf: i32 = 0
let p0: i32 = 0
let p1: i32 = 0
let p2: i32 = 0
let pm: i32 = 0
let apm0: i32 = 0
let apm1: i32 = 0
let count0: i32 = 0
let count1: i32 = 0
let known: i32 = 0
let knownStep: i32 = 0
let cell0: i32 = 0
let cell1: i32 = 0
let odds: i32 = 32768

/** Lay the engine out from `base`; returns the end. */
function layout(base: i32, tableLog: i32, banks: i32, sets0: i32, sets1: i32, apmLog: i32): i32 {
  inputAt = (base + ((TABLE_BYTES + 15) & -16)) | 0
  finalInputAt = (inputAt + 2 * SET_INPUTS) | 0
  dotAt = (finalInputAt + 16) | 0
  contextAt = (dotAt + 16) | 0
  expectAt = (contextAt + CONTEXT_BYTES * CM_CONTEXTS) | 0
  confidenceAt = (expectAt + 4 * CM_EXPECTS) | 0
  rateAt = (confidenceAt + 4 * CM_EXPECTS) | 0
  mixRateAt = (rateAt + 4096) | 0
  lastSetAt = (mixRateAt + 1024) | 0
  historyMapAt = (lastSetAt + ((4 * banks + 15) & -16)) | 0
  runMapAt = (historyMapAt + banks * CM_CONTEXTS * 1024) | 0
  expectMapAt = (runMapAt + banks * CM_CONTEXTS * 256) | 0
  finalAt = (expectMapAt + banks * CM_EXPECTS * CM_CONFIDENCES * 4) | 0
  set0At = (finalAt + banks * 256 * FINAL_BYTES) | 0
  set1At = (set0At + sets0 * SET_BYTES) | 0
  set2At = (set1At + sets1 * SET_BYTES) | 0
  apmAt = (set2At + banks * 256 * SET_BYTES + 63) & -64
  apmMask = ((1 << apmLog) - 1) | 0
  slotAt = (apmAt + (2 << apmLog) * APM_ROW_BYTES + 127) & -128
  rowBits = tableLog - 5
  return (slotAt + (1 << tableLog)) | 0
}

/**
 * Bytes of memory that an engine needs.
 *
 * @param tableLog log2 of the bytes of the context table, 16..24
 * @param banks    1..64; each has learned parameters of its own, shared by all symbols coded with it
 * @param sets0    weight sets that `cmSetMixers` selects by its first argument; `sets1` by its second
 * @param apmLog   log2 of the rows of each of the two final maps, 6..16
 */
export function cmBytes(tableLog: i32, banks: i32, sets0: i32, sets1: i32, apmLog: i32): i32 {
  return (layout(0, tableLog, banks, sets0, sets1, apmLog) + 128) | 0
}

/** Make a fresh engine in `cmBytes` zeroed bytes from `base`, a multiple of 16; parameters as there. */
export function cmInit(base: i32, tableLog: i32, banks: i32, sets0: i32, sets1: i32, apmLog: i32): void {
  layout(base, tableLog, banks, sets0, sets1, apmLog)
  tablesInit(base)
  for (let n = 0; n < 1024; n++) st32(rateAt + 4 * n, udiv(131072, 2 * n + 3))
  for (let n = 0; n < 256; n++) st32(mixRateAt + 4 * n, MIX_BASE + udiv(MIX_BOOST, n + 1))
  for (let i = 0; i < banks * CM_CONTEXTS; i++) {
    const map = historyMapAt + 1024 * i
    for (let h = 0; h < 256; h++) {
      const ones = onesOf(h)
      const p = udiv((8 * ones + 1) * 4194303, 8 * (ones + zerosOf(h)) + 2)
      st32(map + 4 * h, (p << 10) | HISTORY_PRIOR)
    }
    st32(map, 2048 << 20)
  }
  for (let i = 0; i < banks * (CM_CONTEXTS + CM_EXPECTS); i++) {
    for (let c = 0; c < CM_CONFIDENCES; c++) {
      const p = 4194303 - udiv(2097151, c + 1)
      st32(runMapAt + 4 * (i * CM_CONFIDENCES + c), (p << 10) | HISTORY_PRIOR)
    }
  }
  for (let i = 0; i < banks * 256; i++) {
    for (let k = 0; k < 3; k++) st32(finalAt + FINAL_BYTES * i + 4 * k, 178956970)
  }
  for (let j = 0; j < APM_POINTS; j++) {
    st16(apmAt + 2 * j, squash(1024 * j - 12288))
  }
  st16(apmAt + APM_COUNT, APM_PRIOR)
  for (let i = 1; i <= 2 * apmMask + 1; i++) copy(apmAt + APM_ROW_BYTES * i, apmAt, APM_ROW_BYTES)
  bank = 0
  contexts = 0
  sel0 = 0
  sel1 = 0
  apmHash0 = 0
  apmHash1 = 0
}

/** Go on with an engine that {@link cmInit} made at `base`, with the same parameters; `cmUse` comes next. */
export function cmOpen(base: i32, tableLog: i32, banks: i32, sets0: i32, sets1: i32, apmLog: i32): void {
  layout(base, tableLog, banks, sets0, sets1, apmLog)
  tablesOpen(base)
}

/** Keep the state of the code in 24 bytes at `p`. */
export function cmSaveCode(p: i32): void {
  coderSave(p)
}

/** Go on with the code whose state was kept at `p`. */
export function cmLoadCode(p: i32): void {
  coderLoad(p)
}

/** Code to `dst`, at most up to `limit`. */
export function cmWriteTo(dst: i32, limit: i32): void {
  coderWriteTo(dst, limit)
}

/** Decode from `src` up to `limit`. */
export function cmReadFrom(src: i32, limit: i32): void {
  coderReadFrom(src, limit)
}

/** End the code; returns the address after it, or -1 if it did not fit. */
export function cmFinish(): i32 {
  return coderFinish()
}

/** Bytes read beyond the end of the code; more than 4 means that it was cut short. */
export function cmOverrun(): i32 {
  return coderOverrun()
}

/** Code the next symbols with the learned parameters of `which` bank and with `n` contexts each, 0..24. */
export function cmUse(which: i32, n: i32): void {
  bank = which
  contexts = n
  expects = 0
  knownStep = 0
  inputs = (3 * n + 7) & -8
  fill(inputAt, 0, 2 * SET_INPUTS)
  for (let k = 0; k < CM_EXPECTS; k++) st32(confidenceAt + 4 * k, 0)
}

/**
 * Let the first weight set of the following symbols also depend on how many of their contexts were met before, `n`: it is
 * `first + n * step`. `cmUse` sets the step to 0.
 */
export function cmMixKnown(step: i32): void {
  knownStep = step
}

/** Context number `i` of the next symbol, as a hash of whatever it consists of. */
export function cmSetContext(i: i32, hash: i32): void {
  const h = mul32((hash + mul32(i + 1, 0x3504f333)) | 0, -0x61c88647)
  st32(contextAt + CONTEXT_BYTES * i, h ^ shru(h, 15))
}

/** The next symbol is expected to be `value`, number `k` of such guesses; `confidence` 1..63, 0 for no guess. */
export function cmSetExpect(k: i32, value: i32, confidence: i32): void {
  st32(expectAt + 4 * k, value)
  st32(confidenceAt + 4 * k, confidence)
  if (k >= expects) {
    expects = k + 1
    inputs = (3 * contexts + 2 * expects + 7) & -8
  }
}

/** Weight sets for the next symbol. */
export function cmSetMixers(first: i32, second: i32): void {
  sel0 = first
  sel1 = second
}

/** Contexts of the two final maps for the next symbol, any integers. */
export function cmSetApm(first: i32, second: i32): void {
  apmHash0 = mul32(first, 0x2c1b3c6d)
  apmHash1 = mul32(second, 0x297a2d39)
}

/** Point each context at its row of 15 histories for the next `bits` bits, 1..4. */
function findRows(bits: i32): void {
  const salt = mul32(partial, 0x1e35a7bd)
  span = bits
  nibble = 1
  // First only touch the rows, so that the cache misses overlap.
  const end = contextAt + CONTEXT_BYTES * contexts
  const slots = slotAt
  const shift = 32 - rowBits
  known = 0
  for (let c = contextAt; c < end; c += CONTEXT_BYTES) {
    const mixedHash = mul32(ld32(c) ^ salt, -0x7a143589)
    const h = mixedHash ^ shru(mixedHash, 13)
    st32(c + 4, h)
    known = (known + ld32(slots + (shru(h, shift) << 5))) | 0
  }
  const top = 1 << bits
  let map = (runMapAt + bank * (CM_CONTEXTS * 256)) | 0
  known = 0
  for (let c = contextAt; c < end; c += CONTEXT_BYTES) {
    const row = findRow(ld32(c + 4))
    const uses = ld8(row + 3)
    st32(c + 4, row)
    st32(c + 8, uses !== 0 ? ld8(row + 2) | top : 0)
    st32(c + 12, map + 4 * uses)
    if (uses !== 0) known++
    map += 256
  }
}

/** The row of a hash: one of three neighbours that has its check, else the one of least use among them, cleared. */
function findRow(h: i32): i32 {
  const check = h & 0xffff
  const index = shru(h, 32 - rowBits)
  const a = (slotAt + (index << 5)) | 0
  if (ld16(a) === check) return a
  const b = a ^ 32
  if (ld16(b) === check) return b
  const c = a ^ 64
  if (ld16(c) === check) return c
  const ua = ld8(a + 4)
  const ub = ld8(b + 4)
  const uc = ld8(c + 4)
  const row = ua <= ub ? (ua <= uc ? a : c) : ub <= uc ? b : c
  fill(row, 0, 32)
  st16(row, check)
  return row
}

/** A weight set ready for use: a new one starts as a copy of the set that its bank used last. */
function openSet(set: i32): i32 {
  if (ld32(set + SET_BYTES - 4) === 0) {
    const last = ld32(lastSetAt + 4 * bank)
    if (last !== 0) {
      copy(set, last, SET_BYTES)
    } else {
      const weight = udiv(WEIGHT_SUM, contexts + 2)
      for (let i = 0; i < inputs; i++) st32(set + 4 * i, weight)
    }
    st32(set + SET_BYTES - 4, 1)
  }
  return set
}

/** Set `odds` for the next bit; `rest` bits of the symbol are left, `top` is 1 << its bits. */
function predict(rest: i32, top: i32): void {
  // Far memory is touched first, so that it arrives while the inputs are computed.
  const salt = mul32(partial, 0x3c6ef35f)
  apm0 = apmRow(0, (apmHash0 + salt) | 0)
  apm1 = apmRow(apmMask + 1, (apmHash1 + salt) | 0)
  count0 = ld16(apm0 + APM_COUNT)
  count1 = ld16(apm1 + APM_COUNT)
  let t = inputAt
  let map = (historyMapAt + bank * (CM_CONTEXTS * 1024)) | 0
  const table = stretchTable()
  const left = span - 1
  const path = nibble
  const at0 = node
  const end = contextAt + CONTEXT_BYTES * contexts
  // Without branches, because neither of the two questions asked here has a predictable answer.
  for (let c = contextAt; c < end; c += CONTEXT_BYTES) {
    const history = ld8(ld32(c + 4) + at0)
    const cell = (map + 4 * history) | 0
    const p = shru(ld32(cell), 20)
    const run = ld32(c + 8) >> left
    const runCell = ld32(c + 12)
    const s = lds16(table + (shru(ld32(runCell), 20) << 1))
    const alive = (((run >> 1) ^ path) - 1) >> 31
    const sign = (run & 1) - 1
    st16(t, lds16(table + (p << 1)))
    st16(t + 2, (p - 2048) << 1)
    st16(t + 4, ((s ^ sign) - sign) & alive)
    st32(c + 16, cell)
    st32(c + 20, (runCell & alive) | ((c + 28) & ~alive))
    t += 6
    map += 1024
  }
  let expectMap = (expectMapAt + bank * (CM_EXPECTS * CM_CONFIDENCES * 4)) | 0
  for (let k = 0; k < expects; k++) {
    const confidence = ld32(confidenceAt + 4 * k)
    const value = (ld32(expectAt + 4 * k) + top) >> (rest - 1)
    const p = shru(ld32(expectMap + 4 * confidence), 20)
    const alive = confidence !== 0 ? (((value >> 1) ^ partial) - 1) >> 31 : 0
    const sign = (value & 1) - 1
    st16(t, ((lds16(table + (p << 1)) ^ sign) - sign) & alive)
    st16(t + 2, (((p - 2048) ^ sign) - sign) & alive)
    expectMap += 4 * CM_CONFIDENCES
    t += 4
  }
  w0 = openSet((set0At + (sel0 + known * knownStep) * SET_BYTES) | 0)
  w1 = openSet((set1At + sel1 * SET_BYTES) | 0)
  w2 = openSet((set2At + (bank * 256 + (partial & 255)) * SET_BYTES) | 0)
  wf = (finalAt + (bank * 256 + (partial & 255)) * FINAL_BYTES) | 0
  mixDot3(inputAt, w0, w1, w2, inputs, dotAt)
  const l0 = clampLogit(ld32(dotAt) >> 5)
  const l1 = clampLogit(ld32(dotAt + 4) >> 5)
  const l2 = clampLogit(ld32(dotAt + 8) >> 5)
  p0 = squash(l0)
  p1 = squash(l1)
  p2 = squash(l2)
  st16(finalInputAt, l0)
  st16(finalInputAt + 2, l1)
  st16(finalInputAt + 4, l2)
  const l = clampLogit(mixDot(finalInputAt, wf, 8) >> 5)
  pm = squash(l)
  const at = l + 12288
  const point = at >> 10
  const share = at & 1023
  cell0 = (apm0 + 2 * point) | 0
  cell1 = (apm1 + 2 * point) | 0
  const a0 = (ld16(cell0) * (1024 - share) + ld16(cell0 + 2) * share) >> 10
  const a1 = (ld16(cell1) * (1024 - share) + ld16(cell1 + 2) * share) >> 10
  if (share >= 512) {
    cell0 += 2
    cell1 += 2
  }
  const p = (pm + 2 * a0 + a1 + 2) >> 2
  odds = p < 1 ? 1 : p > 65535 ? 65535 : p
}

function apmRow(first: i32, hash: i32): i32 {
  const row = first + (shru(hash ^ shru(hash, 15), 3) & apmMask)
  return (apmAt + row * APM_ROW_BYTES) | 0
}

function clampLogit(x: i32): i32 {
  return x > 12287 ? 12287 : x < -12288 ? -12288 : x
}

/** Move a map entry (22 bits of probability, 10 bits of count) towards `bit`. */
function learn(cell: i32, bit: i32, limit: i32): void {
  const v = ld32(cell)
  const n = v & 1023
  const p = shru(v, 10)
  const error = ((bit << 22) - bit - p) >> 7
  const q = p + ((error * ld32(rateAt + 4 * n)) >> 9)
  st32(cell, (q << 10) | (n < limit ? n + 1 : n))
}

/** Move a point of a final map towards `bit`. */
function learnFinal(cell: i32, row: i32, n: i32, bit: i32): void {
  const p = ld16(cell)
  st16(cell, p + ((((bit << 16) - bit - p) * (ld32(rateAt + 4 * n) >> 2)) >> 14))
  if (n < APM_LIMIT) st16(row + APM_COUNT, n + 1)
}

function train(set: i32, p: i32, bit: i32): void {
  const n = ld32(set + SET_BYTES - 4)
  const rate = ld32(mixRateAt + ((n >> 2) << 2))
  if (n < 1023) st32(set + SET_BYTES - 4, n + 1)
  const e = (((bit << 16) - bit - p) * rate + 8192) >> 14
  if (e > SKIP || e < -SKIP) mixTrain(inputAt, set, inputs, e)
}

/** Learn that the bit was `bit`. */
function update(bit: i32, rest: i32, top: i32): void {
  train(w0, p0, bit)
  train(w1, p1, bit)
  train(w2, p2, bit)
  st32(lastSetAt + 4 * bank, w0)
  mixTrain(finalInputAt, wf, 8, (((bit << 16) - bit - pm) * FINAL_RATE + 8192) >> 14)
  learnFinal(cell0, apm0, count0, bit)
  learnFinal(cell1, apm1, count1, bit)
  const left = span - 1
  const at0 = node
  const rates = rateAt
  const target = (bit << 22) - bit
  const nexts = historyTable() + bit
  const end = contextAt + CONTEXT_BYTES * contexts
  for (let c = contextAt; c < end; c += CONTEXT_BYTES) {
    const at = (ld32(c + 4) + at0) | 0
    const history = ld8(at)
    st8(at, ld8(nexts + 4 * history))
    const cell = history !== 0 ? ld32(c + 16) : c + 24
    const v = ld32(cell)
    const n = v & 1023
    const p = shru(v, 10)
    const q = p + ((((target - p) >> 7) * ld32(rates + 4 * n)) >> 9)
    st32(cell, (q << 10) | (n < HISTORY_LIMIT ? n + 1 : n))
    const runCell = ld32(c + 20)
    const rv = ld32(runCell)
    const rn = rv & 1023
    const rp = shru(rv, 10)
    const hit = ~((ld32(c + 8) >> left) ^ bit) & 1
    const rq = rp + (((((hit << 22) - hit - rp) >> 7) * ld32(rates + 4 * rn)) >> 9)
    st32(runCell, (rq << 10) | (rn < HISTORY_LIMIT ? rn + 1 : rn))
  }
  for (let k = 0; k < expects; k++) {
    const confidence = ld32(confidenceAt + 4 * k)
    const value = (ld32(expectAt + 4 * k) + top) >> (rest - 1)
    if (confidence !== 0 && value >> 1 === partial) {
      const cell = expectMapAt + 4 * ((bank * CM_EXPECTS + k) * CM_CONFIDENCES + confidence)
      learn(cell, (value & 1) === bit ? 1 : 0, EXPECT_LIMIT)
    }
  }
}

/** Take `bit` into the partial symbol; `rest` more bits follow. */
function advance(bit: i32, rest: i32): void {
  partial = (partial << 1) | bit
  nibble = (nibble << 1) | bit
  node = 3 + nibble
  span--
  if (span === 0) {
    closeRows()
    if (rest > 0) {
      findRows(rest < 4 ? rest : 4)
      node = 4
    }
  }
}

/** Note the value that the rows saw and how often in a row. */
function closeRows(): void {
  const end = contextAt + CONTEXT_BYTES * contexts
  const value = nibble & 15
  for (let c = contextAt; c < end; c += CONTEXT_BYTES) {
    const row = ld32(c + 4)
    const uses = ld8(row + 3)
    if (uses !== 0 && ld8(row + 2) === value) {
      if (uses < 63) st8(row + 3, uses + 1)
    } else {
      st8(row + 2, value)
      st8(row + 3, 1)
    }
  }
}

/** Code `value` of `bits` bits, 1..24, in the contexts that were set. */
export function cmEncodeBits(value: i32, bits: i32): void {
  const top = 1 << bits
  partial = 1
  node = 4
  findRows(bits < 4 ? bits : 4)
  for (let rest = bits; rest > 0; rest--) {
    predict(rest, top)
    const bit = (value >> (rest - 1)) & 1
    coderEncode(bit, odds)
    update(bit, rest, top)
    advance(bit, rest - 1)
  }
}

/** Decode a value of `bits` bits, as {@link cmEncodeBits} coded it. */
export function cmDecodeBits(bits: i32): i32 {
  const top = 1 << bits
  partial = 1
  node = 4
  findRows(bits < 4 ? bits : 4)
  for (let rest = bits; rest > 0; rest--) {
    predict(rest, top)
    const bit = coderDecode(odds)
    update(bit, rest, top)
    advance(bit, rest - 1)
  }
  return partial - top
}

/** Code a byte. */
export function cmEncode(byte: i32): void {
  cmEncodeBits(byte, 8)
}

/** Decode a byte. */
export function cmDecode(): i32 {
  return cmDecodeBits(8)
}
