/**
 * The search of one query: blocks of the wanted lists by falling score of their summaries, and the rows in them.
 *
 * `s` is the address of a state of 32-bit words. Addresses of the index: 0 heads by row; 1 tails; 2 first group by list, u32[lists + 1];
 * 3 first block by group, u32[groups + 1]; 4 first posting by block, u32[blocks + 1]; 5 rows by posting, u32; 6 place of its table by
 * group, u32[groups + 1], relative to 7; 7 tables. Of the query: 8 its codes by component, u8; 9 (u32 component, u32 code) of its components,
 * 10 their number; 11 wanted lists, u32, 12 their number; 14 f64 the factor of blocks, 16 f64 the factor of heads. To work in: 18 a bit for
 * each row that is done; 19 (i32 score, u32 block) for each block of the wanted lists; 20 (u32 row, i32 score, u32 address) for each row of
 * a block; 21 i32[256] sums; 22 the best rows, (i32 score, u32 row)[23], the first is the worst. 24 whether components have 32 bits.
 * It is given: 25 rows in the heap; 26 rows whose head was summed; 27 rows whose tail was; 28 blocks that were visited.
 *
 * @module
 */
import type { i32 } from '@pith/core/wasm/memory'
import { fill, floorF64, ld32, ldf64, ldu16, shru, st32, toF64, toI32 } from '@pith/core/wasm/memory'
import { pushBest, sinkFirst } from './heaps.ts'
import { HEAD_BYTES, sumNarrow, sumNarrowHead, sumWide, sumWideHead, touch } from './record.ts'
import { addSummaries, touchBuckets } from './tables.ts'

/** Tables of more bytes are touched where the query looks only. */
const WHOLE_TABLE: i32 = 8192

let sink: i32 = 0

export function search(s: i32): i32 {
  const order = ld32(s + 76)
  let left = scoreBlocks(s, order)
  for (let at = (left >> 1) - 1; at >= 0; at--) {
    sinkFirst(order, left, at, ld32(order + 8 * at), ld32(order + 8 * at + 4))
  }
  st32(s + 100, 0)
  st32(s + 104, 0)
  st32(s + 108, 0)
  let visited = 0
  while (left > 0) {
    if (ld32(order) < limitOf(s, s + 56)) break
    visitBlock(s, ld32(order + 4))
    visited++
    left--
    sinkFirst(order, left, 0, ld32(order + 8 * left), ld32(order + 8 * left + 4))
  }
  st32(s + 112, visited)
  return sink
}

/** What a sum must reach, given the address of its factor: 0 while there is room. */
function limitOf(s: i32, factor: i32): i32 {
  if (ld32(s + 100) < ld32(s + 92)) return 0
  return toI32(floorF64(ldf64(factor) * toF64(ld32(ld32(s + 88)))))
}

function scoreBlocks(s: i32, order: i32): i32 {
  const wanted = ld32(s + 44)
  const number = ld32(s + 48)
  const sums = ld32(s + 84)
  let count = 0
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
  for (let i = 0; i < number; i++) {
    const list = ld32(s + 8) + 4 * ld32(wanted + 4 * i)
    const end = ld32(list + 4)
    for (let group = ld32(list); group < end; group++) {
      const first = ld32(ld32(s + 12) + 4 * group)
      const blocks = ld32(ld32(s + 12) + 4 * group + 4) - first
      fill(sums, 0, 4 * blocks)
      const table = ld32(s + 28) + ld32(ld32(s + 24) + 4 * group)
      addSummaries(table, ld32(s + 36), ld32(s + 40), ld32(s + 96), sums)
      for (let b = 0; b < blocks; b++) {
        const score = ld32(sums + 4 * b)
        if (score > 0) {
          st32(order + 8 * count, score)
          st32(order + 8 * count + 4, first + b)
          count++
        }
      }
    }
  }
  return count
}

function visitBlock(s: i32, block: i32): void {
  const queue = ld32(s + 80)
  const waiting = queueRows(s, block, queue)
  const passed = scoreHeads(s, queue, waiting)
  for (let i = 0; i < passed; i++) finishRow(s, queue + 12 * i)
  st32(s + 104, ld32(s + 104) + waiting)
  st32(s + 108, ld32(s + 108) + passed)
}

/** Rows of a block that were not seen before. Their heads are touched before any is summed, so that they come together. */
function queueRows(s: i32, block: i32, queue: i32): i32 {
  const starts = ld32(s + 16) + 4 * block
  const end = ld32(s + 20) + 4 * ld32(starts + 4)
  const done = ld32(s + 72)
  const heads = ld32(s)
  let count = 0
  for (let posting = ld32(s + 20) + 4 * ld32(starts); posting < end; posting += 4) {
    const row = ld32(posting)
    const word = done + 4 * (row >> 5)
    const bits = ld32(word)
    if ((shru(bits, row & 31) & 1) === 0) {
      st32(word, bits | (1 << (row & 31)))
      st32(queue + 12 * count, row)
      sink = (sink + touch(heads + HEAD_BYTES * row, HEAD_BYTES)) | 0
      count++
    }
  }
  return count
}

/** Sum the heads; rows that may still get far enough stay in the queue, and their tails are touched. */
function scoreHeads(s: i32, queue: i32, count: i32): i32 {
  const heads = ld32(s)
  const tails = ld32(s + 4)
  const table = ld32(s + 32)
  const isWide = ld32(s + 96) !== 0
  const limit = limitOf(s, s + 64)
  let passed = 0
  for (let i = 0; i < count; i++) {
    const row = ld32(queue + 12 * i)
    const head = heads + HEAD_BYTES * row
    const score = isWide ? sumWideHead(head, table) : sumNarrowHead(head, table)
    if (score >= limit) {
      const to = queue + 12 * passed
      const tail = tails + 2 * ld32(head + 60)
      st32(to, row)
      st32(to + 4, score)
      st32(to + 8, tail)
      sink = (sink + touch(tail, 384)) | 0
      passed++
    }
  }
  return passed
}

function finishRow(s: i32, own: i32): void {
  const tail = ld32(own + 8)
  const table = ld32(s + 32)
  const n = ldu16(tail)
  const rest =
    ld32(s + 96) !== 0 ? sumWide(tail + 2, tail + 2 + 4 * n, n, table) : sumNarrow(tail + 2, tail + 2 + 2 * n, n, table)
  const score = (ld32(own + 4) + rest) | 0
  if (score > 0) st32(s + 100, pushBest(ld32(s + 88), ld32(s + 100), ld32(s + 92), score, ld32(own)))
}
