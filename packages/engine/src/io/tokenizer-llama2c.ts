/** The tokenizer.bin of llama2.c: pieces with scores, and merging of the neighbours with the best one. */
import { concatBytes, type Fingerprint, fingerprint, PithError } from '@pith/core'
import type { DecodeOptions, EncodeOptions, Tokenizer } from './tokenizer.ts'

/** Pieces that are no text of their own. */
const BYTES_FROM = 3
const BYTES = 256

/** Names of the first pieces, whatever the file calls them. */
const SPECIAL: readonly string[] = ['<unk>', '<s>', '</s>']

/** Most pieces that a vocabulary may have. */
const MAX_PIECES = 1 << 22

/** How a text becomes pieces. */
export interface PieceOptions extends EncodeOptions {
  /** Whether the id that begins a text stands in front: the same as `special`. Default false. */
  bos?: boolean
  /** Whether a space is put in front, as llama2.c does. Default true. */
  prefix?: boolean
}

/** A tokenizer that always has ids for the beginning and the end of a text. */
export interface PieceTokenizer extends Tokenizer {
  readonly bos: number
  readonly eos: number
  encode(text: string, options?: PieceOptions): Int32Array
}

interface Piece {
  readonly text: Uint8Array
  readonly score: number
}

/**
 * Read a tokenizer.bin: i32 longest piece, then for each id f32 score, i32 length, bytes.
 *
 * @throws PithError `PITH_TRUNCATED` · `PITH_CORRUPT` a length that cannot be, or too few pieces for the bytes
 */
export function readLlama2cTokenizer(bytes: Uint8Array): PieceTokenizer {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 4) throw new PithError('PITH_TRUNCATED', 'a tokenizer.bin has 4 bytes or more')
  const longest = view.getInt32(0, true)
  const pieces: Piece[] = []
  let at = 4
  while (at < bytes.length) {
    if (bytes.length - at < 8)
      throw new PithError('PITH_TRUNCATED', 'the last piece is cut short', { at: { offset: at } })
    const score = view.getFloat32(at, true)
    const length = view.getInt32(at + 4, true)
    at += 8
    if (length < 0 || length > Math.max(longest, 16) || Number.isNaN(score)) {
      throw new PithError('PITH_CORRUPT', `piece ${pieces.length} has length ${length}, score ${score}`, {
        at: { offset: at },
      })
    }
    if (length > bytes.length - at)
      throw new PithError('PITH_TRUNCATED', 'the last piece is cut short', { at: { offset: at } })
    if (pieces.length === MAX_PIECES) throw new PithError('PITH_LIMIT', `more than ${MAX_PIECES} pieces`)
    pieces.push({ text: bytes.slice(at, at + length), score })
    at += length
  }
  if (pieces.length < BYTES_FROM + BYTES) {
    throw new PithError('PITH_CORRUPT', `${pieces.length} pieces are too few for all bytes`)
  }
  return new MergingTokenizer(pieces, fingerprint(bytes))
}

class MergingTokenizer implements PieceTokenizer {
  readonly size: number
  readonly bos: number = 1
  readonly eos: number = 2
  readonly special: ReadonlyMap<string, number>
  readonly fingerprint: Fingerprint
  readonly #pieces: readonly Piece[]
  readonly #ids: Map<string, number> = new Map()

  constructor(pieces: readonly Piece[], mark: Fingerprint) {
    this.size = pieces.length
    this.fingerprint = mark
    this.special = new Map(SPECIAL.map((name, id) => [name, id]))
    this.#pieces = pieces
    // Of equal pieces the first counts; bytes are found by their number, not by their name.
    for (const [id, { text }] of pieces.entries()) {
      const key = latin1(text)
      if (id >= BYTES_FROM + BYTES && !this.#ids.has(key)) this.#ids.set(key, id)
    }
  }

  encode(text: string, { special = false, bos = special, prefix = true }: PieceOptions = {}): Int32Array {
    const ids: number[] = []
    const encoder = new TextEncoder()
    for (const character of prefix && text.length > 0 ? ` ${text}` : text) {
      const bytes = encoder.encode(character)
      const id = this.#ids.get(latin1(bytes))
      if (id !== undefined) ids.push(id)
      else for (const byte of bytes) ids.push(byte + BYTES_FROM)
    }
    const merged = this.#merge(ids)
    return Int32Array.from(bos ? [this.bos, ...merged] : merged)
  }

  decode(ids: ArrayLike<number>, { special = false }: DecodeOptions = {}): string {
    const parts: Uint8Array[] = []
    const encoder = new TextEncoder()
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] as number
      const piece = this.#pieces[id]
      if (piece === undefined) throw new PithError('PITH_ARG', `there is no token ${id}, only ${this.size}`)
      let part = piece.text
      if (id >= BYTES_FROM && id < BYTES_FROM + BYTES) part = Uint8Array.of(id - BYTES_FROM)
      else if (id < BYTES_FROM) part = encoder.encode(special ? SPECIAL[id] : '')
      else if (i > 0 && ids[i - 1] === this.bos && part[0] === 32) part = part.subarray(1)
      parts.push(part)
    }
    return new TextDecoder().decode(concatBytes(parts))
  }

  /** Join the neighbours whose joint piece has the best score, the first of equal ones, until none has a piece. */
  #merge(ids: readonly number[]): number[] {
    const n = ids.length
    const own = Int32Array.from(ids)
    const next = Int32Array.from({ length: n }, (_, i) => i + 1)
    const before = Int32Array.from({ length: n }, (_, i) => i - 1)
    const heap = new MergeHeap()
    const propose = (left: number): void => {
      const right = next[left] as number
      if (left < 0 || right >= n) return
      const id = this.#ids.get(this.#key(own[left] as number) + this.#key(own[right] as number))
      if (id === undefined) return
      heap.push({ left, a: own[left] as number, b: own[right] as number, id, score: (this.#pieces[id] as Piece).score })
    }
    for (let i = 0; i + 1 < n; i++) propose(i)
    for (let merge = heap.pop(); merge !== undefined; merge = heap.pop()) {
      const { left, a, b, id } = merge
      const right = next[left] as number
      // An entry is stale where one of its two has been joined since.
      if (own[left] !== a || right >= n || own[right] !== b) continue
      own[left] = id
      own[right] = -1
      const after = next[right] as number
      next[left] = after
      if (after < n) before[after] = left
      if ((before[left] as number) >= 0) propose(before[left] as number)
      propose(left)
    }
    const out: number[] = []
    for (let i = 0; i < n; i = next[i] as number) out.push(own[i] as number)
    return out
  }

  #key(id: number): string {
    const isByte = id >= BYTES_FROM && id < BYTES_FROM + BYTES
    return isByte ? String.fromCharCode(id - BYTES_FROM) : latin1((this.#pieces[id] as Piece).text)
  }
}

interface Merge {
  readonly left: number
  readonly a: number
  readonly b: number
  readonly id: number
  readonly score: number
}

/** The best merge first. */
class MergeHeap {
  readonly #items: Merge[] = []

  push(item: Merge): void {
    const items = this.#items
    let i = items.length
    items.push(item)
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!isBetter(item, items[parent] as Merge)) break
      items[i] = items[parent] as Merge
      i = parent
    }
    items[i] = item
  }

  pop(): Merge | undefined {
    const items = this.#items
    const top = items[0]
    const last = items.pop()
    if (top === undefined || last === undefined || items.length === 0) return top
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= items.length) break
      if (child + 1 < items.length && isBetter(items[child + 1] as Merge, items[child] as Merge)) child++
      if (!isBetter(items[child] as Merge, last)) break
      items[i] = items[child] as Merge
      i = child
    }
    items[i] = last
    return top
  }
}

function isBetter(x: Merge, y: Merge): boolean {
  return x.score > y.score || (x.score === y.score && x.left < y.left)
}

/** Bytes as a text of one character each, to look up. */
function latin1(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}
