import { crc32c } from '../crc32c.ts'
import { PithError } from '../errors.ts'

/** First eight bytes of every file: a byte above 127, the name, and the line ends that a text transfer would change. */
export const MAGIC: Uint8Array = /* @__PURE__ */ Uint8Array.of(0x89, 0x50, 0x54, 0x48, 0x0d, 0x0a, 0x1a, 0x0a)
export const FORMAT_VERSION = 1

/** Bit of the flags byte that tells the solo form. */
export const FLAG_SOLO = 1
/** Bit of the flags byte of the solo form: its directory and each of its blocks have CRCs of their own. */
export const FLAG_BLOCK_CRCS = 2
/** Bit of the flags byte of the solo form: the decoded length is given, and isn't the sum over the blocks. */
export const FLAG_RAW_BYTES = 4

/** Bytes of the prelude of the chunked form. */
export const PRELUDE_BYTES = 16
/** Bytes before the payload of a chunk. */
export const HEADER_BYTES = 24
/** Bytes of a chunk beside its payload. */
export const FRAME_BYTES = 28
/** Bytes of the payload of TAIL. */
export const TAIL_PAYLOAD_BYTES = 56
export const TAIL_BYTES: number = TAIL_PAYLOAD_BYTES + FRAME_BYTES

/** What a reader takes from the end of a file at first. */
export const OPEN_BYTES = 65536
/** A writer leaves at most this much between the last index root and a tail; a reader accepts {@link JOURNAL_LIMIT}. */
export const JOURNAL_BYTES = 32768
export const JOURNAL_LIMIT: number = 1 << 20
/** Largest file in the solo form, which is what a reader takes at first; and the payload that a writer holds back for it. */
export const SOLO_BYTES = 65536
export const SOLO_PAYLOAD_BYTES = 64512

/** Largest section number; 0 stands for "no section". */
export const MAX_SECTIONS = 0xffff
/** Longest name of a section or codec in bytes. */
export const MAX_NAME_BYTES = 255
export const MAX_PATH_BYTES = 4096
export const MAX_META_BYTES = 65536
export const MAX_VARIANT = 255
export const ALIGNMENT = 64

/** Starts every chunk: two of its bytes never occur in UTF-8. */
const SYNC = 0xff6370f5
export const SYNC_BYTES: Uint8Array = /* @__PURE__ */ Uint8Array.of(0xf5, 0x70, 0x63, 0xff)

const letters = (name: string): number =>
  name.charCodeAt(0) | (name.charCodeAt(1) << 8) | (name.charCodeAt(2) << 16) | (name.charCodeAt(3) << 24)

/** Chunk types as little-endian numbers of their four letters. */
export const TYPES: Readonly<
  Record<'head' | 'profile' | 'block' | 'summary' | 'index' | 'tail' | 'undo' | 'done' | 'pad', number>
> = /* @__PURE__ */ Object.freeze({
  head: /* @__PURE__ */ letters('HEAD'),
  profile: /* @__PURE__ */ letters('PROF'),
  block: /* @__PURE__ */ letters('BLOK'),
  summary: /* @__PURE__ */ letters('FILT'),
  index: /* @__PURE__ */ letters('INDX'),
  tail: /* @__PURE__ */ letters('TAIL'),
  undo: /* @__PURE__ */ letters('UNDO'),
  done: /* @__PURE__ */ letters('DONE'),
  pad: /* @__PURE__ */ letters('padd'),
})

export interface ChunkHeader {
  type: number
  entry: number
  section: number
  /** Bytes of the payload. */
  length: number
}

/** Name of a chunk type as text for messages. */
export function typeName(type: number): string {
  let name = ''
  for (let shift = 0; shift < 32; shift += 8) {
    const code = (type >>> shift) & 255
    name += code >= 32 && code < 127 ? String.fromCharCode(code) : '?'
  }
  return name
}

/** Whether a reader that does not know the type may skip the chunk: its first letter is lower case. */
export function isSkippable(type: number): boolean {
  const first = type & 255
  return first >= 0x61 && first <= 0x7a
}

const KNOWN: ReadonlySet<number> = /* @__PURE__ */ new Set(Object.values(TYPES))

/** Refuse a type that this version does not know and may not skip. @throws PithError `PITH_VERSION` */
export function checkType(type: number, offset: number): void {
  if (KNOWN.has(type) || isSkippable(type)) return
  throw new PithError('PITH_VERSION', `a chunk of the unknown type "${typeName(type)}" stands at ${offset}`, {
    hint: 'Use a newer version of pith.',
    at: { offset },
  })
}

/** Write a chunk's header, 24 bytes at `at`. */
export function putHeader(bytes: Uint8Array, at: number, header: ChunkHeader): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, HEADER_BYTES)
  view.setUint32(0, SYNC, true)
  view.setInt32(4, header.type, true)
  view.setUint32(8, header.entry, true)
  view.setUint32(12, header.length % 0x100000000, true)
  view.setUint32(16, Math.floor(header.length / 0x100000000), true)
  view.setUint16(20, header.section, true)
  view.setUint16(22, crc32c(bytes, 0, at, at + 22) & 0xffff, true)
}

/** Read a chunk's header; undefined where `at` is not the start of one, or it is damaged. */
export function parseHeader(bytes: Uint8Array, at: number): ChunkHeader | undefined {
  if (at < 0 || at + HEADER_BYTES > bytes.length) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, HEADER_BYTES)
  if (view.getUint32(0, true) !== SYNC) return undefined
  if (view.getUint16(22, true) !== (crc32c(bytes, 0, at, at + 22) & 0xffff)) return undefined
  const high = view.getUint32(16, true)
  if (high > 0x1fffff) return undefined
  return {
    type: view.getInt32(4, true),
    entry: view.getUint32(8, true),
    section: view.getUint16(20, true),
    length: high * 0x100000000 + view.getUint32(12, true),
  }
}

export function getU32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0
}

export function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value & 255
  bytes[at + 1] = (value >>> 8) & 255
  bytes[at + 2] = (value >>> 16) & 255
  bytes[at + 3] = value >>> 24
}

/** Whether the CRC at the end of a whole chunk, u8[28 + length], agrees with its bytes. */
export function chunkIsIntact(chunk: Uint8Array): boolean {
  const end = chunk.length - 4
  return crc32c(chunk, 0, 0, end) === getU32(chunk, end)
}

/** The 16 bytes that start a file of chunks. */
export function makePrelude(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(PRELUDE_BYTES)
  bytes.set(MAGIC)
  bytes[8] = FORMAT_VERSION
  putU32(bytes, 12, crc32c(bytes, 0, 0, 12))
  return bytes
}

/**
 * Check the first bytes of a file.
 *
 * @param bytes  the start of the file, at least 16 bytes where the file has them
 * @returns which form follows
 * @throws PithError `PITH_CORRUPT` not a pith file · `PITH_TRUNCATED` · `PITH_VERSION` · `PITH_CHECKSUM`
 */
export function checkPrelude(bytes: Uint8Array): 'solo' | 'chunks' {
  for (let i = 0; i < Math.min(bytes.length, MAGIC.length); i++) {
    if (bytes[i] !== MAGIC[i]) {
      throw new PithError('PITH_CORRUPT', `the first bytes are not those of a pith file (byte ${i} differs)`, {
        hint: 'Check that this is a .pith file and that it was not transferred as text.',
        at: { offset: i },
      })
    }
  }
  if (bytes.length < 10) {
    throw new PithError('PITH_TRUNCATED', `the file ends within its first 10 bytes, at ${bytes.length}`, {
      at: { offset: bytes.length },
    })
  }
  if (bytes[8] !== FORMAT_VERSION) {
    throw new PithError('PITH_VERSION', `the file has format version ${bytes[8]}, this reader knows 1`, {
      hint: 'Use a newer version of pith.',
      at: { offset: 8 },
    })
  }
  const flags = bytes[9]
  if (flags & FLAG_SOLO) {
    if (flags > 7) throw badFlags(flags)
    return 'solo'
  }
  if (bytes.length < PRELUDE_BYTES) {
    throw new PithError('PITH_TRUNCATED', `the file ends within its first 16 bytes, at ${bytes.length}`, {
      at: { offset: bytes.length },
    })
  }
  if (getU32(bytes, 12) !== crc32c(bytes, 0, 0, 12)) {
    throw new PithError('PITH_CHECKSUM', 'the first 16 bytes do not match their CRC', { at: { offset: 0 } })
  }
  if (flags !== 0 || bytes[10] !== 0 || bytes[11] !== 0) throw badFlags(flags)
  return 'chunks'
}

function badFlags(flags: number): PithError {
  return new PithError('PITH_VERSION', `the file has flags ${flags} that this reader does not know`, {
    hint: 'Use a newer version of pith.',
    at: { offset: 9 },
  })
}
