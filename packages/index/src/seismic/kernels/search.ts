/**
 * The search of one query: blocks of the wanted lists by falling score of their summaries, and the rows in them.
 *
 * What a search costs is waiting for memory: so it goes in steps, each of which first touches what all of it will read. Blocks are taken
 * {@link BATCH} at a time, and the rows in them are summed head by head; those that may get far enough then follow by falling sum of
 * their heads, first with the next of their components, then with all.
 *
 * `s` is the address of a state of 32-bit words. Addresses of the index: 0 heads by row; 1 tails; 2 first group by list, u32[lists + 1];
 * 3 first block by group, u32[groups + 1]; 4 first posting by block, u32[blocks + 1]; 5 rows by posting, u32; 6 place of its table by
 * group, u32[groups + 1], relative to 7; 7 tables. Of the query: 8 its codes by component, u8; 9 (u32 component, u32 code) of its components,
 * 10 their number, those of small codes left out; 11 wanted lists, u32, 12 their number; 14 f64 the factor of blocks, 16 f64 that of heads, 30 f64 that of heads with
 * what follows them. To work in: 18 a bit for each row that is done; 19 (i32 score, u32 block) for each block of the wanted lists, twice;
 * 20 (i32 score, u32 row)[2 * {@link QUEUE}]; 21 i32[256] sums; 22 the best rows, (i32 score, u32 row)[23], the first is the worst. 24 whether
 * components have 32 bits. It is given: 25 rows in the heap; 26 rows whose head was summed; 27 rows of which more was; 28 blocks visited.
 *
 * @module
 */
import type { i32 } from '@pith/core/wasm/memory'
import { fill, floorF64, ld32, ldf64, ldu16, shru, st32, toF64, toI32 } from '@pith/core/wasm/memory'
import { orderByScore, pushBest } from './heaps.ts'
import { HEAD_BYTES, MIDDLE, sumNarrow, sumNarrowHead, sumWide, sumWideHead, touch } from './record.ts'
import { addSummaries, touchBuckets } from './tables.ts'

/** Blocks that are visited together. */
const BATCH: i32 = 16
/** Rows that wait at most. */
export const QUEUE: i32 = 1024
/** Rows whose tails are summed together. */
const TOGETHER: i32 = 16
/** Tables of more bytes are touched where the query looks only. */
const WHOLE_TABLE: i32 = 8192

let sink: i32 = 0

export function search(s: i32): i32 {
  const count = scoreBlocks(s)
  const order = ld32(s + 76) + 8 * count
  orderByScore(ld32(s + 76), count, order, ld32(s + 84))
  st32(s + 100, 0)
  st32(s + 104, 0)
  st32(s + 108, 0)
  let visited = 0
  while (visited < count) {
    const limit = limitOf(s, s + 56)
    const end = visited + BATCH < count ? visited + BATCH : count
    let taken = visited
    while (taken < end && ld32(order + 8 * taken) >= limit) taken++
    if (taken === visited) break
    visitBlocks(s, order + 8 * visited, taken - visited)
    visited = taken
  }
  st32(s + 112, visited)
  return sink
}

/** What a sum must reach, given the address of its factor: 0 while there is room. */
function limitOf(s: i32, factor: i32): i32 {
  if (ld32(s + 100) < ld32(s + 92)) return 0
  return toI32(floorF64(ldf64(factor) * toF64(ld32(ld32(s + 88)))))
}

function scoreBlocks(s: i32): i32 {
  const order = ld32(s + 76)
  const wanted = ld32(s + 44)
  const number = ld32(s + 48)
  const sums = ld32(s + 84)
  touchTables(s, wanted, number)
  let count = 0
  for (let i = 0; i < number; i++) {
    const list = ld32(s + 8) + 4 * ld32(wanted + 4 * i)
    const end = ld32(list + 4)
    for (let group = ld32(list); group < end; group++) {
      const first = ld32(ld32(s + 12) + 4 * group)
      const blocks = ld32(ld32(s + 12) + 4 * group + 4) - first
      fill(sums, 0, 4 * blocks)
      const table = ld32(s + 28) + ld32(ld32(s + 24) + 4 * group)
      addSummaries(table, ld32(s + 36), ld32(s + 40), sums)
      for (let b = 0; b < blocks; b++) {
        st32(order + 8 * count, ld32(sums + 4 * b))
        st32(order + 8 * count + 4, first + b)
        count++
      }
    }
  }
  return count
}

function touchTables(s: i32, wanted: i32, number: i32): void {
  for (let i = 0; i < number; i++) {
    const group = ld32(ld32(s + 8) + 4 * ld32(wanted + 4 * i))
    sink = (sink + ld32(ld32(s + 24) + 4 * group) + ld32(ld32(s + 12) + 4 * group)) | 0
  }
  for (let i = 0; i < number; i++) {
    const list = ld32(s + 8) + 4 * ld32(wanted + 4 * i)
    const end = ld32(list + 4)
    for (let group = ld32(list); group < end; group++) {
      const place = ld32(s + 24) + 4 * group
      const from = ld32(place)
      const bytes = ld32(place + 4) - from
      if (bytes <= WHOLE_TABLE) sink = (sink + touch(ld32(s + 28) + from, bytes)) | 0
      else sink = (sink + touchBuckets(ld32(s + 28) + from, ld32(s + 36), ld32(s + 40))) | 0
    }
  }
}

function visitBlocks(s: i32, batch: i32, count: i32): void {
  const blocks = ld32(s + 16)
  const postings = ld32(s + 20)
  for (let i = 0; i < count; i++) sink = (sink + ld32(blocks + 4 * ld32(batch + 8 * i + 4))) | 0
  for (let i = 0; i < count; i++) sink = (sink + ld32(postings + 4 * ld32(blocks + 4 * ld32(batch + 8 * i + 4)))) | 0
  let waiting = 0
  for (let i = 0; i < count; i++) {
    const starts = blocks + 4 * ld32(batch + 8 * i + 4)
    let posting = ld32(starts)
    const end = ld32(starts + 4)
    while (posting < end) {
      const room = QUEUE - waiting
      const stop = end - posting > room ? posting + room : end
      waiting = queueRows(s, postings + 4 * posting, postings + 4 * stop, waiting)
      posting = stop
      if (waiting === QUEUE) {
        scoreRows(s, waiting)
        waiting = 0
      }
    }
  }
  scoreRows(s, waiting)
}

/** Rows that were not seen before. Their heads are touched before any is summed, so that they come together. */
function queueRows(s: i32, from: i32, to: i32, waiting: i32): i32 {
  const queue = ld32(s + 80)
  const done = ld32(s + 72)
  const heads = ld32(s)
  let count = waiting
  for (let posting = from; posting < to; posting += 4) {
    const row = ld32(posting)
    const word = done + 4 * (row >> 5)
    const bits = ld32(word)
    if ((shru(bits, row & 31) & 1) === 0) {
      st32(word, bits | (1 << (row & 31)))
      st32(queue + 8 * count + 4, row)
      sink = (sink + ld32(heads + HEAD_BYTES * row)) | 0
      count++
    }
  }
  return count
}

/** Sum the heads of the rows that wait, and more of those that may get far enough, the best first. */
function scoreRows(s: i32, waiting: i32): void {
  const queue = ld32(s + 80)
  const passed = scoreHeads(s, queue, waiting)
  const ordered = queue + 8 * QUEUE
  orderByScore(queue, passed, ordered, ld32(s + 84))
  let whole = 0
  while (whole < passed) {
    const limit = limitOf(s, s + 64)
    const end = whole + TOGETHER < passed ? whole + TOGETHER : passed
    let taken = whole
    while (taken < end && ld32(ordered + 8 * taken) >= limit) taken++
    if (taken === whole) break
    touchTails(s, ordered + 8 * whole, taken - whole)
    finishRows(s, ordered + 8 * whole, taken - whole)
    whole = taken
  }
  st32(s + 104, ld32(s + 104) + waiting)
  st32(s + 108, ld32(s + 108) + whole)
}

function touchTails(s: i32, rows: i32, count: i32): void {
  for (let i = 0; i < count; i++) {
    const tail = tailOf(s, ld32(rows + 8 * i + 4))
    sink = (sink + ldu16(tail) + ldu16(tail + 64)) | 0
  }
}

function scoreHeads(s: i32, queue: i32, count: i32): i32 {
  const heads = ld32(s)
  const codes = ld32(s + 32)
  const isWide = ld32(s + 96) !== 0
  const limit = limitOf(s, s + 64)
  let passed = 0
  for (let i = 0; i < count; i++) {
    const row = ld32(queue + 8 * i + 4)
    const head = heads + HEAD_BYTES * row
    const score = isWide ? sumWideHead(head, codes) : sumNarrowHead(head, codes)
    if (score >= limit) {
      st32(queue + 8 * passed, score)
      st32(queue + 8 * passed + 4, row)
      passed++
    }
  }
  return passed
}

/** Sum tails: what stands first in all of them, then the rest of those that may still get far enough. */
function finishRows(s: i32, rows: i32, count: i32): void {
  const codes = ld32(s + 32)
  const width = ld32(s + 96) !== 0 ? 4 : 2
  const limit = limitOf(s, s + 120)
  let passed = 0
  for (let i = 0; i < count; i++) {
    const row = ld32(rows + 8 * i + 4)
    const tail = tailOf(s, row)
    const n = ldu16(tail)
    const middle = n < MIDDLE ? n : MIDDLE
    const score = (ld32(rows + 8 * i) + sumRun(tail + 2, middle, width, codes)) | 0
    if (score >= limit) {
      st32(rows + 8 * passed, score)
      st32(rows + 8 * passed + 4, row)
      sink = (sink + touch(tail + 128, 256)) | 0
      passed++
    }
  }
  for (let i = 0; i < passed; i++) {
    const row = ld32(rows + 8 * i + 4)
    const tail = tailOf(s, row)
    const rest = ldu16(tail) - MIDDLE
    let score = ld32(rows + 8 * i)
    if (rest > 0) score = (score + sumRun(tail + 2 + (width + 1) * MIDDLE, rest, width, codes)) | 0
    if (score > 0) st32(s + 100, pushBest(ld32(s + 88), ld32(s + 100), ld32(s + 92), score, row))
  }
}

function tailOf(s: i32, row: i32): i32 {
  return ld32(s + 4) + 2 * ld32(ld32(s) + HEAD_BYTES * row + 60)
}

function sumRun(at: i32, count: i32, width: i32, codes: i32): i32 {
  return width === 4 ? sumWide(at, at + 4 * count, count, codes) : sumNarrow(at, at + 2 * count, count, codes)
}
