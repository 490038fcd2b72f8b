import { ByteReader, ByteWriter, fromHex, toHex } from '../bytes.ts'
import type { BlockOptions } from '../codec.ts'
import { PithError } from '../errors.ts'
import {
  FORMAT_VERSION,
  MAX_META_BYTES,
  MAX_NAME_BYTES,
  MAX_PATH_BYTES,
  MAX_VARIANT,
  TAIL_PAYLOAD_BYTES,
} from './layout.ts'
import { checkLink, checkPath } from './paths.ts'

/** What an entry stands for: bytes, an empty folder (or one whose mode matters), or a symbolic link. */
export type EntryKind = 'file' | 'folder' | 'link'

const KINDS: readonly EntryKind[] = ['file', 'folder', 'link']

/** What HEAD says of an entry; it never changes. */
export interface EntryHead {
  kind: EntryKind
  codec: string
  codecVersion: number
  path?: string
  /** Permission bits, 0..0o7777. */
  mode?: number
  /** Milliseconds since 1970. */
  mtime?: number
  /** Bytes of the application's own. */
  meta?: Uint8Array
  /** SHA-256 in hex of a profile that is kept elsewhere. */
  externalProfile?: string
  /** Where a symbolic link points to. */
  link?: string
}

/** Codecs whose names are written as a number; others are written out. Never renumbered. */
export const CODEC_NUMBERS: Readonly<Record<string, number>> = /* @__PURE__ */ Object.freeze({
  stored: 1,
  general: 2,
  logzip: 3,
})

const CODEC_NAMES: ReadonlyMap<number, string> = /* @__PURE__ */ new Map(
  /* @__PURE__ */ Object.entries(CODEC_NUMBERS).map(([name, number]) => [number, name] as const),
)

const HAS_PATH = 4
const HAS_MODE = 8
const HAS_MTIME = 16
const HAS_META = 32
const HAS_PROFILE = 64
/** The codec's version follows; without it, it is 1. */
const HAS_VERSION = 128

/** Write the fields of HEAD; the same bytes stand in the index and in the solo form. */
export function writeHead(out: ByteWriter, head: EntryHead): void {
  const kind = KINDS.indexOf(head.kind)
  let flags = kind
  if (head.path !== undefined) flags |= HAS_PATH
  if (head.mode !== undefined) flags |= HAS_MODE
  if (head.mtime !== undefined) flags |= HAS_MTIME
  if (head.meta !== undefined) flags |= HAS_META
  if (head.externalProfile !== undefined) flags |= HAS_PROFILE
  if (head.codecVersion !== 1) flags |= HAS_VERSION
  out.u8(flags)
  const number = CODEC_NUMBERS[head.codec]
  out.u8(number ?? 0)
  if (number === undefined) writeName(out, head.codec)
  if (head.codecVersion !== 1) out.varint(head.codecVersion)
  if (head.path !== undefined) writeText(out, head.path, MAX_PATH_BYTES, 'path')
  if (head.mode !== undefined) out.varint(head.mode)
  if (head.mtime !== undefined) out.zigzag(head.mtime)
  if (head.meta !== undefined) {
    if (head.meta.length > MAX_META_BYTES) {
      throw new PithError('PITH_ARG', `meta must be at most ${MAX_META_BYTES} bytes, got ${head.meta.length}`)
    }
    out.varint(head.meta.length)
    out.bytes(head.meta)
  }
  if (head.externalProfile !== undefined) {
    const hash = fromHex(head.externalProfile)
    if (hash.length !== 32) throw new PithError('PITH_ARG', 'externalProfile must be a SHA-256 in hex')
    out.bytes(hash)
  }
  if (head.kind === 'link') writeText(out, head.link ?? '', MAX_PATH_BYTES, 'link')
}

export function readHead(input: ByteReader): EntryHead {
  const at = input.offset
  const flags = input.u8()
  const kind = KINDS[flags & 3]
  if (kind === undefined) throw corrupt(`the entry at ${at} has flags ${flags}`, at)
  const number = input.u8()
  const codec = number === 0 ? readName(input) : CODEC_NAMES.get(number)
  if (codec === undefined) {
    throw new PithError('PITH_UNKNOWN_CODEC', `the codec number ${number} is not known`, {
      hint: 'Use a newer version of pith.',
      at: { offset: at },
    })
  }
  const head: EntryHead = { kind, codec, codecVersion: flags & HAS_VERSION ? input.varint() : 1 }
  if (flags & HAS_PATH) head.path = readText(input, MAX_PATH_BYTES)
  if (flags & HAS_MODE) head.mode = atMost(input.varint(), 0o7777, 'mode', at)
  if (flags & HAS_MTIME) head.mtime = input.zigzag()
  if (flags & HAS_META) head.meta = input.take(atMost(input.varint(), MAX_META_BYTES, 'length of meta', at)).slice()
  if (flags & HAS_PROFILE) head.externalProfile = toHex(input.take(32))
  if (kind === 'link') head.link = readText(input, MAX_PATH_BYTES)
  checkPlaces(head, at)
  return head
}

/** A file may come from anyone: its paths are held to the same rules as those that are written. */
function checkPlaces(head: EntryHead, at: number): void {
  try {
    if (head.path !== undefined) checkPath(head.path)
    if (head.link !== undefined) checkLink(head.path ?? '', head.link)
  } catch (error) {
    throw corrupt(error instanceof Error ? error.message : 'an unsafe path', at)
  }
}

/** What stands before the payload in a BLOK chunk. */
export interface BlockPrefix {
  block: number
  name?: string
  rawBytes: number
  keys?: readonly [first: number, last: number]
  variant: number
  profile: number
  aligned: boolean
}

const BLOCK_NAME = 1
const BLOCK_KEYS = 2
const BLOCK_VARIANT = 4
const BLOCK_PROFILE = 8
const BLOCK_ALIGNED = 16

export function writeBlockPrefix(out: ByteWriter, prefix: BlockPrefix): void {
  let flags = 0
  if (prefix.name !== undefined) flags |= BLOCK_NAME
  if (prefix.keys !== undefined) flags |= BLOCK_KEYS
  if (prefix.variant > 0) flags |= BLOCK_VARIANT
  if (prefix.profile > 0) flags |= BLOCK_PROFILE
  if (prefix.aligned) flags |= BLOCK_ALIGNED
  out.u8(flags)
  out.varint(prefix.block)
  if (prefix.name !== undefined) writeName(out, prefix.name)
  out.varint(prefix.rawBytes)
  if (prefix.keys !== undefined) {
    out.varint(prefix.keys[0])
    out.varint(prefix.keys[1] - prefix.keys[0])
  }
  if (prefix.variant > 0) out.u8(prefix.variant)
  if (prefix.profile > 0) out.varint(prefix.profile)
}

export function readBlockPrefix(input: ByteReader): BlockPrefix {
  const at = input.offset
  const flags = input.u8()
  if (flags > 31) throw corrupt(`the block at ${at} has flags ${flags}`, at)
  const block = input.varint()
  const name = flags & BLOCK_NAME ? readName(input) : undefined
  const rawBytes = input.varint()
  const keys = flags & BLOCK_KEYS ? readKeys(input) : undefined
  const variant = flags & BLOCK_VARIANT ? input.u8() : 0
  const profile = flags & BLOCK_PROFILE ? input.varint() : 0
  return {
    block,
    rawBytes,
    variant,
    profile,
    aligned: (flags & BLOCK_ALIGNED) !== 0,
    ...(name === undefined ? {} : { name }),
    ...(keys === undefined ? {} : { keys }),
  }
}

function readKeys(input: ByteReader): readonly [number, number] {
  const first = input.varint()
  const last = first + input.varint()
  if (!Number.isSafeInteger(last)) throw corrupt(`the keys at ${input.offset} are out of range`, input.offset)
  return [first, last]
}

/** Check what a codec asks for. @throws PithError `PITH_ARG` */
export function checkBlockOptions(section: string, options: BlockOptions, profiles: number): void {
  checkName(section, 'section')
  const { rawBytes, keys, variant = 0, profile = 0 } = options
  checkCount(rawBytes, Number.MAX_SAFE_INTEGER, 'rawBytes')
  checkCount(variant, MAX_VARIANT, 'variant')
  checkCount(profile, profiles, 'profile')
  if (keys !== undefined) {
    checkCount(keys[1], Number.MAX_SAFE_INTEGER, 'keys[1]')
    checkCount(keys[0], keys[1], 'keys[0]')
  }
}

export function checkCount(value: number, max: number, what: string): void {
  if (Number.isInteger(value) && value >= 0 && value <= max) return
  throw new PithError('PITH_ARG', `${what} must be an integer in 0..${max}, got ${value}`)
}

/** The fields of TAIL. */
export interface Tail {
  commit: number
  /** Where this tail stands itself. */
  self: number
  /** Where the tail before it stands, 0 where there is none. */
  previous: number
  /** Where the root of the index stands, 0 where the chunks since the prelude are all there is. */
  rootOffset: number
  /** Bytes of the whole chunk of the root. */
  rootLength: number
  entries: number
  blocks: number
  rawBytes: number
}

export function encodeTail(tail: Tail): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(TAIL_PAYLOAD_BYTES)
  out.u16(FORMAT_VERSION)
  out.u16(0)
  out.u32(tail.commit)
  out.u64(tail.self)
  out.u64(tail.previous)
  out.u64(tail.rootOffset)
  out.u32(tail.rootLength)
  out.u32(tail.entries)
  out.u64(tail.blocks)
  out.u64(tail.rawBytes)
  return out.finish()
}

/** @throws PithError `PITH_VERSION`, `PITH_CORRUPT` */
export function decodeTail(input: ByteReader): Tail {
  const version = input.u16()
  const flags = input.u16()
  if (version !== FORMAT_VERSION || flags !== 0) {
    throw new PithError('PITH_VERSION', `the file has format version ${version} and flags ${flags}`, {
      hint: 'Use a newer version of pith.',
    })
  }
  const tail: Tail = {
    commit: input.u32(),
    self: input.u64(),
    previous: input.u64(),
    rootOffset: input.u64(),
    rootLength: input.u32(),
    entries: input.u32(),
    blocks: input.u64(),
    rawBytes: input.u64(),
  }
  input.finish()
  return tail
}

/** UNDO: the number of blocks that each section keeps, for each variant, and the number of profiles. */
export interface Undo {
  profiles: number
  sections: readonly (readonly number[])[]
}

export function encodeUndo(undo: Undo): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter()
  out.varint(undo.profiles)
  out.varint(undo.sections.length)
  for (const counts of undo.sections) writeCounts(out, counts)
  return out.finish()
}

export function decodeUndo(payload: Uint8Array): Undo {
  const input = new ByteReader(payload)
  const profiles = input.varint()
  const count = checkedCount(input, 1)
  const sections: number[][] = []
  for (let i = 0; i < count; i++) sections.push(readCounts(input))
  input.finish()
  return { profiles, sections }
}

/** Numbers of blocks by variant, with their number before them. */
export function writeCounts(out: ByteWriter, counts: readonly number[]): void {
  out.varint(counts.length)
  for (const count of counts) out.varint(count)
}

export function readCounts(input: ByteReader): number[] {
  const length = checkedCount(input, 1)
  if (length > MAX_VARIANT + 1) throw corrupt(`${length} variants at ${input.offset}`, input.offset)
  const counts: number[] = []
  for (let i = 0; i < length; i++) counts.push(input.varint())
  return counts
}

/** Read a count of items that take at least `itemBytes` each, and check that the input can hold them. */
export function checkedCount(input: ByteReader, itemBytes: number): number {
  const at = input.offset
  const count = input.varint()
  if (count * itemBytes > input.remaining) {
    throw corrupt(`${count} items are declared at ${at}, ${input.remaining} bytes are left`, at)
  }
  return count
}

export function checkName(name: string, what: string): void {
  const length = new TextEncoder().encode(name).length
  if (length >= 1 && length <= MAX_NAME_BYTES && name.isWellFormed()) return
  throw new PithError('PITH_ARG', `the name of a ${what} must have 1..${MAX_NAME_BYTES} bytes, got ${length}`)
}

export function writeName(out: ByteWriter, name: string): void {
  writeText(out, name, MAX_NAME_BYTES, 'name')
}

export function readName(input: ByteReader): string {
  const at = input.offset
  const name = readText(input, MAX_NAME_BYTES)
  if (name === '') throw corrupt(`the name at ${at} is empty`, at)
  return name
}

export function writeText(out: ByteWriter, text: string, maxBytes: number, what: string): void {
  const bytes = new TextEncoder().encode(text)
  if (bytes.length > maxBytes || !text.isWellFormed()) {
    throw new PithError('PITH_ARG', `the ${what} must be text of at most ${maxBytes} bytes, got ${bytes.length}`)
  }
  out.varint(bytes.length)
  out.bytes(bytes)
}

export function readText(input: ByteReader, maxBytes: number): string {
  const at = input.offset
  return input.utf8(atMost(input.varint(), maxBytes, 'length of a text', at))
}

function atMost(value: number, max: number, what: string, at: number): number {
  if (value > max) throw corrupt(`the ${what} at ${at} is ${value}, at most ${max} is allowed`, at)
  return value
}

/** Parse a payload that starts at `base` in the file, so that errors tell the place in the file. */
export function parseAt<T>(payload: Uint8Array, base: number, parse: (input: ByteReader) => T): T {
  try {
    return parse(new ByteReader(payload))
  } catch (error) {
    if (!(error instanceof PithError)) throw error
    const { code, message, hint, at } = error
    throw new PithError(code, message, {
      ...(hint && { hint }),
      at: { offset: base + (at?.offset ?? 0) },
      cause: error,
    })
  }
}

export function corrupt(message: string, offset: number): PithError {
  return new PithError('PITH_CORRUPT', message, { at: { offset } })
}
