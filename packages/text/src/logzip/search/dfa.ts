import { type ByteSet, hasByte, isWordByte } from './byte-set.ts'
import {
  assertHolds,
  OP_ASSERT,
  OP_MATCH,
  OP_SET,
  OP_SPLIT,
  type Program,
  SIDE_CUT,
  SIDE_EDGE,
  SIDE_OTHER,
  SIDE_WORD,
} from './nfa.ts'

const LF = 0x0a
/** Entries of the table: a state (shifted by 8), or one of these, or `FLAGGED - state` where a match ends before the byte. */
const UNKNOWN = -1
const DEAD = -2
const FLAGGED = -3
const MAX_STATES = 4096
const MAX_KEPT = 1 << 22

/**
 * Deterministic automaton over bytes, built from a program while it runs.
 *
 * Time is linear in the bytes read (times the size of the program, when every step is new); memory is at most 4,096 states of
 * 1 KiB and 16 MiB of instruction lists: when they are full they are dropped and built anew. Matches are seen one byte late, since
 * assertions look at the byte that follows; the end of a line counts as a line feed.
 */
export class LazyDfa {
  readonly #program: Program
  readonly #anywhere: boolean
  #table: Int32Array = new Int32Array(64 << 8)
  #lists: Int32Array[] = []
  #sides: number[] = []
  #ids: Map<string, number> = new Map()
  #kept = 0
  readonly #starts: Int32Array = new Int32Array(3)
  readonly #stack: Int32Array
  readonly #seen: Int32Array
  #epoch = 0
  /** Whether an empty list of instructions can never be left within the line. */
  readonly #emptyIsDead: boolean

  /** @param anywhere whether a match may start at every place, or only where a run starts */
  constructor(program: Program, anywhere: boolean) {
    this.#program = program
    this.#anywhere = anywhere
    this.#stack = new Int32Array(2 * program.op.length + 2)
    this.#seen = new Int32Array(program.op.length)
    this.#reset()
    this.#emptyIsDead = !anywhere || [SIDE_WORD, SIDE_OTHER].every((left) => this.#startList(left).length === 0)
  }

  /** Whether one line, `bytes[start, end)` without its line feed, holds a match. */
  testLine(bytes: Uint8Array, start: number, end: number): boolean {
    let state = this.#start(SIDE_EDGE)
    let table = this.#table
    for (let i = start; i < end; i++) {
      let next = table[state | (bytes[i] as number)] as number
      if (next < 0) {
        if (next === UNKNOWN) {
          next = this.#step(state, bytes[i] as number)
          table = this.#table
        }
        if (next <= FLAGGED) return true
        if (next === DEAD) return false
      }
      state = next
    }
    return this.#next(state, LF) <= FLAGGED
  }

  /**
   * Run over lines from the start of a line.
   *
   * @returns the place of a byte of the first matching line (or of the line feed that ends it); `end` if that is the last line,
   * without a line feed; -1 where no line matches
   */
  search(bytes: Uint8Array, start: number, end: number): number {
    let state = this.#start(SIDE_EDGE)
    let table = this.#table
    let i = start
    while (i < end) {
      let next = table[state | (bytes[i] as number)] as number
      if (next < 0) {
        if (next === UNKNOWN) {
          next = this.#step(state, bytes[i] as number)
          table = this.#table
        }
        if (next <= FLAGGED) return i
        if (next === DEAD) {
          while (i < end && bytes[i] !== LF) i++
          if (i === end) return -1
          next = this.#start(SIDE_EDGE)
          table = this.#table
        }
      }
      state = next
      i++
    }
    if (end > start && bytes[end - 1] === LF) return -1
    return end > start && this.#next(state, LF) <= FLAGGED ? end : -1
  }

  /**
   * End of the longest match that starts at `from`, or -1.
   *
   * @param from within the line `bytes[start, end)`; the match may reach to `limit` <= `end`, and what follows is not looked at
   * @param ends filled with the ends of all matches from `from`, ascending, if given
   */
  longest(bytes: Uint8Array, start: number, from: number, limit: number, end: number, ends?: number[]): number {
    let state = this.#start(sideOf(bytes, from - 1, start))
    let table = this.#table
    let last = -1
    for (let i = from; i < limit; i++) {
      let next = table[state | (bytes[i] as number)] as number
      if (next < 0) {
        if (next === UNKNOWN) {
          next = this.#step(state, bytes[i] as number)
          table = this.#table
        }
        if (next <= FLAGGED) {
          last = i
          ends?.push(i)
          next = FLAGGED - next
          if (next === 0) return last
        } else if (next === DEAD) return last
      }
      state = next
    }
    const matched = limit === end ? this.#next(state, LF) <= FLAGGED : this.#endsAtCut(state)
    if (matched) {
      last = limit
      ends?.push(limit)
    }
    return last
  }

  /** For a program that was built from a reversed expression: set `marks[i]` to 1 where a match starts at `start + i`, 0 elsewhere. */
  markStarts(bytes: Uint8Array, start: number, end: number, marks: Uint8Array): void {
    marks.fill(0, 0, end - start + 1)
    let state = this.#start(SIDE_EDGE)
    for (let i = end - 1; i >= start; i--) {
      let next = this.#next(state, bytes[i] as number)
      if (next <= FLAGGED) {
        marks[i + 1 - start] = 1
        next = FLAGGED - next
      } else if (next === DEAD) return
      state = next
    }
    if (this.#next(state, LF) <= FLAGGED) marks[0] = 1
  }

  #next(state: number, byte: number): number {
    const next = this.#table[state | byte] as number
    return next === UNKNOWN ? this.#step(state, byte) : next
  }

  #reset(): void {
    this.#table.fill(UNKNOWN)
    this.#lists = [new Int32Array(0)]
    this.#sides = [SIDE_OTHER]
    this.#ids = new Map()
    this.#kept = 0
    this.#starts.fill(-1)
    // State 0 is dead: no byte leads out of it but a line feed, where a search goes on.
    this.#table.fill(DEAD, 0, 256)
  }

  #start(left: number): number {
    const slot = this.#program.hasAsserts ? left : SIDE_EDGE
    const known = this.#starts[slot] as number
    if (known >= 0) return known
    const state = this.#intern(this.#startList(slot), slot)
    this.#starts[slot] = state
    return state
  }

  #startList(left: number): number[] {
    this.#epoch++
    const list: number[] = []
    this.#close(this.#program.start, list)
    return this.#prune(list, left)
  }

  /** The list without the assertions that can't hold to the right of `left`. */
  #prune(list: number[], left: number): number[] {
    const { op, arg, hasAsserts } = this.#program
    return hasAsserts ? list.filter((pc) => op[pc] !== OP_ASSERT || mayHold(arg[pc] as number, left)) : list
  }

  /** Add what is reached from `pc` without reading a byte; assertions are kept as they are. */
  #close(pc: number, list: number[]): void {
    const { op, x, y } = this.#program
    const stack = this.#stack
    const seen = this.#seen
    const epoch = this.#epoch
    let top = 0
    stack[top++] = pc
    while (top > 0) {
      const at = stack[--top] as number
      if (seen[at] === epoch) continue
      seen[at] = epoch
      if (op[at] === OP_SPLIT) {
        stack[top++] = y[at] as number
        stack[top++] = x[at] as number
      } else list.push(at)
    }
  }

  /** The list with every assertion passed that holds between `left` and `right`. */
  #pass(list: ArrayLike<number>, left: number, right: number): number[] {
    const { op, x, arg } = this.#program
    this.#epoch++
    const passed: number[] = []
    for (let i = 0; i < list.length; i++) this.#close(list[i] as number, passed)
    for (let i = 0; i < passed.length; i++) {
      const pc = passed[i] as number
      if (op[pc] === OP_ASSERT && assertHolds(arg[pc] as number, left, right)) this.#close(x[pc] as number, passed)
    }
    return passed
  }

  /** Compute the entry for `state` (shifted) and `byte`, and for all bytes of its class. */
  #step(state: number, byte: number): number {
    const { op, x, arg, sets, hasAsserts, classOf, members, start } = this.#program
    const id = state >>> 8
    const left = this.#sides[id] as number
    let list: ArrayLike<number> = this.#lists[id] as Int32Array
    const right = byte === LF ? SIDE_EDGE : isWordByte(byte) ? SIDE_WORD : SIDE_OTHER
    if (hasAsserts) list = this.#pass(list, left, right)
    this.#epoch++
    let matched = false
    const reached: number[] = []
    for (let i = 0; i < list.length; i++) {
      const pc = list[i] as number
      if (op[pc] === OP_MATCH) matched = true
      else if (op[pc] === OP_SET && byte !== LF && hasByte(sets[arg[pc] as number] as ByteSet, byte)) {
        this.#close(x[pc] as number, reached)
      }
    }
    const before = this.#lists
    let target: number
    if (byte === LF) target = this.#anywhere ? this.#start(SIDE_EDGE) : 0
    else {
      if (this.#anywhere) this.#close(start, reached)
      const side = hasAsserts ? right : SIDE_EDGE
      target = this.#intern(this.#prune(reached, side), side)
    }
    const entry = matched ? FLAGGED - target : target === 0 ? DEAD : target
    // After a reset the numbers of old states mean nothing.
    if (before === this.#lists) {
      for (const member of members[classOf[byte] as number] as Uint8Array) this.#table[state | member] = entry
    }
    return entry
  }

  #endsAtCut(state: number): boolean {
    const id = state >>> 8
    const list = this.#pass(this.#lists[id] as Int32Array, this.#sides[id] as number, SIDE_CUT)
    return list.some((pc) => this.#program.op[pc] === OP_MATCH)
  }

  #intern(list: number[], left: number): number {
    if (list.length === 0 && this.#emptyIsDead) return 0
    const sorted = Int32Array.from(list).sort()
    let key = String.fromCharCode(left)
    for (let i = 0; i < sorted.length; i++) {
      const pc = sorted[i] as number
      key += String.fromCharCode(pc & 0xffff, pc >>> 16)
    }
    const known = this.#ids.get(key)
    if (known !== undefined) return known
    if (this.#lists.length >= MAX_STATES || this.#kept > MAX_KEPT) this.#reset()
    const state = this.#lists.length << 8
    if (state + 256 > this.#table.length) {
      const grown = new Int32Array(2 * this.#table.length)
      grown.set(this.#table)
      grown.fill(UNKNOWN, this.#table.length)
      this.#table = grown
    }
    this.#ids.set(key, state)
    this.#lists.push(sorted)
    this.#sides.push(left)
    this.#kept += sorted.length
    return state
  }
}

/** Whether an assertion can hold at all to the right of `left`. */
function mayHold(kind: number, left: number): boolean {
  for (let right = SIDE_EDGE; right <= SIDE_CUT; right++) if (assertHolds(kind, left, right)) return true
  return false
}

/** What the byte at `place` is to an assertion beside it; before `start` there is the line's edge. */
export function sideOf(bytes: Uint8Array, place: number, start: number): number {
  if (place < start) return SIDE_EDGE
  return isWordByte(bytes[place] as number) ? SIDE_WORD : SIDE_OTHER
}
