import { ByteReader, ByteWriter } from '../bytes.ts'
import { crc32c } from '../crc32c.ts'
import { PithError } from '../errors.ts'
import type { EntryState, Row } from './catalog.ts'
import { addSection, countRow, newEntry } from './catalog.ts'
import {
  FLAG_BLOCK_CRCS,
  FLAG_RAW_BYTES,
  FLAG_SOLO,
  FORMAT_VERSION,
  getU32,
  MAGIC,
  MAX_NAME_BYTES,
  SOLO_BYTES,
} from './layout.ts'
import { checkedCount, corrupt, readHead, writeHead } from './records.ts'

/** A block that the writer holds back. */
export interface HeldBlock {
  row: Row
  payload: Uint8Array
}

/** Everything of a file with one entry. */
export interface SoloContent {
  entry: EntryState
  profiles: readonly Uint8Array[]
  summary: Uint8Array | undefined
  blocks: readonly HeldBlock[]
}

const BLOCK_CRC_BYTES = 4096
const SECTION_BITS = 7
const HAS_RAW = 8
const HAS_KEYS = 16
const HAS_PROFILE = 32
const HAS_VARIANT = 64
const IS_LATE = 128

/** Encode a file in the solo form; undefined where it would be longer than 64 KiB. */
export function encodeSolo(content: SoloContent): Uint8Array<ArrayBuffer> | undefined {
  const { entry, profiles, summary, blocks } = content
  let payloadBytes = summary?.length ?? 0
  for (const bytes of profiles) payloadBytes += bytes.length
  for (const block of blocks) payloadBytes += block.payload.length
  const sum = blocks.reduce((total, { row }) => total + (row.variant === 0 ? row.rawBytes : 0), 0)
  const withCrcs = blocks.length > 1 && payloadBytes > BLOCK_CRC_BYTES
  const out = new ByteWriter(payloadBytes + 256)
  out.bytes(MAGIC)
  out.u8(FORMAT_VERSION)
  out.u8(FLAG_SOLO | (withCrcs ? FLAG_BLOCK_CRCS : 0) | (sum === entry.rawBytes ? 0 : FLAG_RAW_BYTES))
  writeHead(out, entry.head)
  out.varint(blocks.length * 8 + (summary === undefined ? 0 : 4) + Math.min(3, profiles.length))
  if (profiles.length >= 3) out.varint(profiles.length - 3)
  if (sum !== entry.rawBytes) out.varint(entry.rawBytes)
  for (const bytes of profiles) out.varint(bytes.length)
  if (summary !== undefined) out.varint(summary.length)
  writeBlocks(out, content)
  if (withCrcs) out.u32(crc32c(out.view()))
  for (const bytes of profiles) out.bytes(bytes)
  if (summary !== undefined) out.bytes(summary)
  for (const { payload } of blocks) {
    out.bytes(payload)
    if (withCrcs) out.u32(crc32c(payload))
  }
  out.u32(crc32c(out.view()))
  return out.length <= SOLO_BYTES ? out.finish() : undefined
}

function writeBlocks(out: ByteWriter, content: SoloContent): void {
  const { entry, profiles, blocks } = content
  let sections = 0
  let keyEnd = 0
  for (const { row, payload } of blocks) {
    const isNew = row.section > sections
    const byNumber = Math.min(SECTION_BITS, row.section - 1)
    let flags = byNumber
    if (row.rawBytes > 0) flags |= HAS_RAW
    if (row.keyFirst >= 0) flags |= HAS_KEYS
    if (row.profile !== profiles.length) flags |= HAS_PROFILE
    if (row.variant > 0) flags |= HAS_VARIANT
    if (row.keyFirst >= 0 && row.keyFirst !== keyEnd) flags |= IS_LATE
    out.u8(flags)
    if (byNumber === SECTION_BITS) out.varint(row.section - 1 - SECTION_BITS)
    if (isNew) {
      sections = row.section
      writeShortName(out, entry.sections[row.section - 1].name)
    }
    out.varint(payload.length)
    if (row.rawBytes > 0) out.varint(row.rawBytes)
    if (row.keyFirst >= 0) {
      if (row.keyFirst !== keyEnd) out.varint(row.keyFirst)
      out.varint(row.keyCount)
      keyEnd = row.keyFirst + row.keyCount
    }
    if (row.profile !== profiles.length) out.varint(row.profile)
    if (row.variant > 0) out.u8(row.variant)
  }
}

/** A name of one printable ASCII letter takes one byte, 0x80 + its code; others their length (1..127 or varint-like) and UTF-8. */
function writeShortName(out: ByteWriter, name: string): void {
  const bytes = new TextEncoder().encode(name)
  if (bytes.length === 1) out.u8(0x80 | bytes[0])
  else {
    // Lengths above 126 take 127 and a second byte.
    if (bytes.length < 127) out.u8(bytes.length)
    else {
      out.u8(127)
      out.u8(bytes.length)
    }
    out.bytes(bytes)
  }
}

function readShortName(input: ByteReader): string {
  const at = input.offset
  const first = input.u8()
  if (first >= 0x80) return String.fromCharCode(first & 127)
  const length = first < 127 ? first : input.u8()
  if (length < 2 || length > MAX_NAME_BYTES) throw corrupt(`the section name at ${at} has ${length} bytes`, at)
  return input.utf8(length)
}

/** A file in the solo form, opened. */
export interface Solo {
  entry: EntryState
  rows: Row[]
  /** CRCs of the payloads; undefined where only the whole has one. */
  hasBlockCrcs: boolean
  /** Where the file ends. */
  end: number
  /** Set where the CRC of the whole does not agree, or the file ends among its blocks, but the CRC of the directory agrees. */
  damage: PithError | undefined
  /** Whether what has no CRC of its own, such as the profile, is right: the damage lies in blocks alone. */
  isRestIntact: boolean
}

/**
 * Read the solo form. Rows and refs point to payloads: `offset` is where the bytes themselves start, and `prefix` is 0.
 *
 * @param bytes  the whole file, or its start where more follows
 * @throws PithError `PITH_TRUNCATED`, `PITH_CHECKSUM`, `PITH_CORRUPT`
 */
export function decodeSolo(bytes: Uint8Array): Solo {
  try {
    return parseSolo(bytes)
  } catch (cause) {
    // A damaged directory can look like anything; the CRC tells damage from a bad writer, if the length is that of the file.
    if (bytes.length > 14 && getU32(bytes, bytes.length - 4) !== crc32c(bytes, 0, 0, bytes.length - 4)) {
      throw new PithError('PITH_CHECKSUM', 'the file is damaged: its directory cannot be read', {
        hint: 'Get another copy of the file.',
        at: { offset: cause instanceof PithError ? (cause.at?.offset ?? 0) : 0 },
        cause,
      })
    }
    throw cause
  }
}

function parseSolo(bytes: Uint8Array): Solo {
  const flags = bytes[9]
  const input = new ByteReader(bytes, 10)
  const entry = newEntry(1, readHead(input))
  const packed = input.varint()
  const blockCount = Math.floor(packed / 8)
  if (blockCount * 2 > input.remaining) throw corrupt(`${blockCount} blocks are declared`, input.offset)
  const hasSummary = (packed & 4) !== 0
  const profileCount = (packed & 3) === 3 ? 3 + checkedCount(input, 1) : packed & 3
  const declaredRaw = flags & FLAG_RAW_BYTES ? input.varint() : -1
  const lengths: number[] = []
  for (let i = 0; i < profileCount; i++) lengths.push(input.varint())
  const summaryLength = hasSummary ? input.varint() : 0
  const rows = readBlocks(input, entry, blockCount, profileCount)
  const hasBlockCrcs = (flags & FLAG_BLOCK_CRCS) !== 0
  const directoryEnd = input.offset
  const directoryOk = !hasBlockCrcs || input.u32() === crc32c(bytes, 0, 0, directoryEnd)
  for (const length of lengths) entry.profiles.push({ offset: input.skip(length), length, crc: 0 })
  if (hasSummary) entry.summary = { offset: input.skip(summaryLength), length: summaryLength, crc: 0 }
  if (declaredRaw >= 0) entry.rawBytes = declaredRaw
  if (!Number.isSafeInteger(entry.rawBytes)) throw corrupt('the decoded length is out of range', 10)
  const size = rows.reduce((sum, row) => sum + row.storedBytes + (hasBlockCrcs ? 4 : 0), 4)
  if (hasBlockCrcs && directoryOk && size > input.remaining) {
    placeCut(rows, input.offset, bytes)
    return { entry, rows, hasBlockCrcs, end: bytes.length, damage: cutShort(bytes.length), isRestIntact: false }
  }
  for (const row of rows) {
    row.offset = input.skip(row.storedBytes)
    if (hasBlockCrcs) row.crc = input.u32()
  }
  const whole = input.offset
  const [stored, actual] = [input.u32(), crc32c(bytes, 0, 0, whole)]
  const intact = stored === actual
  if (!intact && !(hasBlockCrcs && directoryOk)) throw damaged(whole)
  const isRestIntact = intact || stored === withRightBlocks(actual, bytes, whole, rows)
  return { entry, rows, hasBlockCrcs, end: input.offset, damage: intact ? undefined : damaged(whole), isRestIntact }
}

/** The CRC that a file would have with the blocks that their own CRCs stand for: CRCs of equal lengths add up. */
function withRightBlocks(crc: number, bytes: Uint8Array, whole: number, rows: readonly Row[]): number {
  let wrong = 0
  let at = 0
  // What a difference becomes behind so many bytes, whatever they are.
  const moveTo = (end: number): void => {
    if (wrong !== 0) wrong = ~crc32c(new Uint8Array(end - at), ~wrong)
    at = end
  }
  for (const { offset, storedBytes, crc: stored } of rows) {
    const end = offset + storedBytes
    moveTo(end)
    wrong ^= crc32c(bytes, 0, offset, end) ^ stored
  }
  moveTo(whole)
  return (crc ^ wrong) >>> 0
}

/** Place the blocks of a file that ends among them; those that it lacks get a CRC that none has. */
function placeCut(rows: readonly Row[], start: number, bytes: Uint8Array): void {
  let at = start
  for (const row of rows) {
    row.offset = Math.min(at, bytes.length)
    at += row.storedBytes + 4
    row.crc = at <= bytes.length ? getU32(bytes, at - 4) : -1
  }
}

function cutShort(offset: number): PithError {
  return new PithError('PITH_TRUNCATED', 'the file ends within its blocks', {
    hint: 'Get another copy of the file, or run pith repair.',
    at: { offset },
  })
}

function damaged(offset: number): PithError {
  return new PithError('PITH_CHECKSUM', 'the file does not match its CRC', {
    hint: 'Get another copy of the file, or run pith repair.',
    at: { offset },
  })
}

function readBlocks(input: ByteReader, entry: EntryState, count: number, profiles: number): Row[] {
  const rows: Row[] = []
  let keyEnd = 0
  for (let i = 0; i < count; i++) {
    const at = input.offset
    const flags = input.u8()
    const byNumber = flags & SECTION_BITS
    const section = 1 + byNumber + (byNumber === SECTION_BITS ? input.varint() : 0)
    if (section > entry.sections.length + 1 || section > 0xffff)
      throw corrupt(`the section number at ${at} is too large`, at)
    if (section > entry.sections.length) addSection(entry, readShortName(input))
    const storedBytes = input.varint()
    const rawBytes = flags & HAS_RAW ? input.varint() : 0
    const hasKeys = (flags & HAS_KEYS) !== 0
    const keyFirst = hasKeys ? (flags & IS_LATE ? input.varint() : keyEnd) : -1
    const keyCount = hasKeys ? input.varint() : 0
    if (hasKeys) keyEnd = keyFirst + keyCount
    const profile = flags & HAS_PROFILE ? input.varint() : profiles
    const variant = flags & HAS_VARIANT ? input.u8() : 0
    if (profile > profiles || !Number.isSafeInteger(keyEnd) || (!hasKeys && flags & IS_LATE)) {
      throw corrupt(`the block at ${at} is out of range`, at)
    }
    const block = entry.sections[section - 1].counts[variant] ?? 0
    const row = {
      entry: 1,
      section,
      variant,
      block,
      offset: 0,
      prefix: 0,
      storedBytes,
      rawBytes,
      keyFirst,
      keyCount,
      profile,
      aligned: false,
      crc: 0,
    }
    countRow(entry, row)
    rows.push(row)
  }
  return rows
}
