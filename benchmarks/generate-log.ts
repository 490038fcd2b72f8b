/**
 * Large logs out of real ones: times move forward, ids, addresses and hashes change from pass to pass in a way that
 * keeps their order and their repeats, runs of lines are left out. The same seed gives the same bytes; no stretch of a
 * pass is a copy of another.
 *
 * `node benchmarks/generate-log.ts MEGABYTES [--seed N] [--without-newlines] FILE... > OUT`
 *
 * @module
 */
import { readFileSync, writeSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { findTimes } from './measure/log-times.ts'

const BLOCK = 1 << 20
const NEWLINE = 10
/** A number, IPv4 address, UUID or other run of hexadecimal digits that a pass changes. */
const TOKENS =
  /(?<![\w.])(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})(?![\w.])|(?<!\w)([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?!\w)|(?<![A-Za-z\d])(0x[0-9a-fA-F]{4,16}|(?=[a-f]*\d)[\da-f]{8,64}|(?=[A-F]*\d)[\dA-F]{8,64})(?![A-Za-z\d])|(?<![A-Za-z\d.])(\d{5,15})(?![A-Za-z\d.])/g

/** Where something changes in the text of a file, in the order of the text. */
interface Slot {
  readonly start: number
  readonly end: number
  readonly write: Write
}

/** What is the same for all lines of one file in one pass. */
interface Pass {
  /** Seconds that times move forward. */
  shift: number
  /** Sixteen random words, one for each place in a token. */
  readonly keys: Int32Array
}

interface Prepared {
  readonly text: Uint8Array
  /** Where each line starts, and the end of the text. */
  readonly lines: Int32Array
  readonly slots: readonly Slot[]
  /** Number of the first slot of each line, and the number of slots. */
  readonly firstSlot: Int32Array
  /** Seconds from the first timestamp to the last. */
  readonly span: number
  /** Bytes of the longest line. */
  readonly longest: number
}

/** A small generator of random 32-bit words (xorshift, Marsaglia 2003). */
export function randomWords(seed: number): () => number {
  let state = (seed * 2654435769 + 0x9e3779b9) | 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

/** Writes what a slot becomes in a pass to `out` at `at`. @returns where it ends */
type Write = (out: Uint8Array, at: number, pass: Pass) => number

function writeText(text: string, out: Uint8Array, at: number): number {
  for (let i = 0; i < text.length; i++) out[at + i] = text.charCodeAt(i)
  return at + text.length
}

function changeAddress(text: string): Write {
  const parts = text.split('.').map(Number)
  if (parts[0] === 127 || parts[0] === 0 || parts[0]! > 223) return (out, at) => writeText(text, out, at)
  const head = `${parts[0]}.${parts[1]}.`
  return (out, at, { keys }) => {
    const end = writeText(head, out, at)
    return writeText(`${(parts[2]! + keys[0]!) & 255}.${(parts[3]! + keys[1]!) & 255}`, out, end)
  }
}

/** Digits of each place are exchanged by a fixed rule: equal ids stay equal, and what begins alike goes on to. */
function changeHex(text: string): Write {
  const skip = text.startsWith('0x') ? 2 : 0
  const base = /^\d+$/.test(text) ? 10 : 16
  const digits = /[A-F]/.test(text) ? '0123456789ABCDEF' : '0123456789abcdef'
  const codes = Uint8Array.from(digits, (digit) => digit.charCodeAt(0))
  const values = Int8Array.from(text, (digit, i) => (i < skip || digit === '-' ? -1 : Number.parseInt(digit, 16)))
  return (out, at, { keys }) => {
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!
      out[at + i] = value < 0 ? text.charCodeAt(i) : codes[(value + ((keys[i & 15]! >>> 8) & 15)) % base]!
    }
    return at + values.length
  }
}

/** Numbers of one length move by the same distance, so that counters go on counting. */
function changeNumber(text: string): Write {
  const low = text.startsWith('0') ? 0 : 10 ** (text.length - 1)
  const size = 10 ** text.length - low
  const value = Number(text) - low
  const share = (text.length * 7) & 15
  return (out, at, { keys }) => {
    let rest = low + ((value + Math.floor((size / 4294967296) * (keys[share]! >>> 0))) % size)
    for (let i = text.length - 1; i >= 0; i--) {
      const high = Math.floor(rest / 10)
      out[at + i] = 48 + rest - high * 10
      rest = high
    }
    return at + text.length
  }
}

/** Find what changes in a file. */
function prepare(text: Uint8Array): Prepared {
  const starts: number[] = []
  const firstSlot: number[] = []
  const slots: Slot[] = []
  const decoder = new TextDecoder('latin1')
  let first = Number.NaN
  let last = Number.NaN
  let longest = 0
  for (let start = 0; start < text.length; ) {
    const feed = text.indexOf(NEWLINE, start)
    const end = feed < 0 ? text.length : feed + 1
    const line = decoder.decode(text.subarray(start, end))
    starts.push(start)
    firstSlot.push(slots.length)
    const times = findTimes(line)
    const found: Slot[] = times.map((time) => ({
      start: start + time.start,
      end: start + time.end,
      write: (out, at, pass) => writeText(time.write(time.seconds + pass.shift), out, at),
    }))
    for (const match of line.matchAll(TOKENS)) {
      const from = match.index
      const to = from + match[0].length
      if (times.some((time) => from < time.end && time.start < to)) continue
      const [whole, address, uuid, hex, number] = match
      const write = address
        ? changeAddress(address)
        : number
          ? changeNumber(number)
          : hex && /^\d+$/.test(hex) && hex.length < 16
            ? changeNumber(hex)
            : changeHex(uuid ?? hex ?? whole)
      found.push({ start: start + from, end: start + to, write })
    }
    slots.push(...found.sort((a, b) => a.start - b.start))
    if (times[0]) {
      if (Number.isNaN(first)) first = times[0].seconds
      last = times[0].seconds
    }
    longest = Math.max(longest, end - start)
    start = end
  }
  starts.push(text.length)
  firstSlot.push(slots.length)
  return {
    text,
    lines: Int32Array.from(starts),
    slots,
    firstSlot: Int32Array.from(firstSlot),
    span: Number.isNaN(first) ? 0 : Math.max(0, last - first),
    longest,
  }
}

/** Options of {@link generateLog}. */
export interface GenerateOptions {
  /** Bytes to make; the last line may be cut. */
  readonly bytes: number
  readonly seed?: number
  /** Write spaces for line feeds: the same data as one line. */
  readonly withoutNewlines?: boolean
}

/** Blocks of 1 MiB (the last may be shorter) of a log made from real ones, `bytes` in all. A block is reused: copy what is kept. */
export function* generateLog(files: readonly Uint8Array[], options: GenerateOptions): Generator<Uint8Array> {
  const sources = files.map(prepare)
  if (!sources.some((source) => source.text.length > 0)) throw new Error('there is no text to make a log from')
  const random = randomWords(options.seed ?? 1)
  // A line is written whole before a block is handed on; what it writes may be somewhat longer than its text.
  const longest = Math.max(...sources.map((source) => source.longest))
  const block = new Uint8Array(2 * BLOCK + 2 * longest)
  let used = 0
  let left = options.bytes
  const shifts = sources.map(() => 0)
  for (;;) {
    for (const [index, source] of sources.entries()) {
      const pass: Pass = { shift: shifts[index]!, keys: Int32Array.from({ length: 16 }, () => random() | 0) }
      const count = source.lines.length - 1
      for (let line = random() % 8; line < count; ) {
        const stop = Math.min(count, line + 20 + (random() % 400))
        for (; line < stop; line++) {
          used = writeLine(source, line, pass, block, used)
          if (used < BLOCK && used < left) continue
          for (let from = 0; left > 0 && used - from >= Math.min(BLOCK, left); from += BLOCK) {
            const part = block.subarray(from, from + Math.min(BLOCK, left))
            if (options.withoutNewlines) flatten(part)
            left -= part.length
            yield part
            if (left === 0) return
          }
          const rest = used % BLOCK
          block.copyWithin(0, used - rest, used)
          used = rest
        }
        // A few lines are left out, and the clock runs a little on.
        line += random() % 6 === 0 ? random() % 24 : 0
        pass.shift += random() % 3
      }
      shifts[index] = pass.shift + source.span + 60 + (random() % 3600)
    }
  }
}

function flatten(block: Uint8Array): void {
  for (let at = block.indexOf(NEWLINE); at >= 0; at = block.indexOf(NEWLINE, at + 1)) block[at] = 32
}

/** Write a line as it is in this pass. @returns where it ends */
function writeLine(source: Prepared, line: number, pass: Pass, out: Uint8Array, at: number): number {
  const { text, lines, slots, firstSlot } = source
  let from = lines[line]!
  for (let slot = firstSlot[line]!; slot < firstSlot[line + 1]!; slot++) {
    const { start, end, write } = slots[slot]!
    for (; from < start; from++) out[at++] = text[from]!
    at = write(out, at, pass)
    from = end
  }
  const end = lines[line + 1]!
  if (end - from > 64) {
    out.set(text.subarray(from, end), at)
    return at + end - from
  }
  for (; from < end; from++) out[at++] = text[from]!
  return at
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { seed: { type: 'string' }, 'without-newlines': { type: 'boolean' } },
  })
  const [megabytes, ...names] = positionals
  if (!(Number(megabytes) > 0) || names.length === 0) {
    process.stderr.write('usage: generate-log.ts MEGABYTES [--seed N] [--without-newlines] FILE...\n')
    process.exit(2)
  }
  const options = {
    bytes: Math.round(Number(megabytes) * 1e6),
    seed: Number(values.seed ?? 1),
    withoutNewlines: values['without-newlines'] ?? false,
  }
  for (const block of generateLog(
    names.map((name) => readFileSync(name)),
    options,
  )) {
    for (let from = 0; from < block.length; ) from += writeSync(1, block, from)
  }
}
