/** Zip archives as .npz and .pt files use them: stored or deflated entries, read lazily with every place checked. */
import { type ByteSource, concatBytes, PithError, toRandomAccess } from '@pith/core'
import { Inflate } from 'fflate'
import { type ReadOptions, readExactly } from './tensor-file.ts'

/** Most entries that an archive may have. */
const MAX_ENTRIES = 1 << 20
/** Most that a deflated entry gives where the caller sets no limit, in bytes: it may take a thousandth of that to store. */
const MAX_INFLATED_BYTES = 2 ** 30
/** Bytes of a deflated entry from which its start is read, beyond the length of the start. */
const START_BYTES = 4096
/** Bytes that are inflated in one step. */
const STEP_BYTES = 64 * 1024
/** Deflate cannot shrink more than this. */
const MAX_RATIO = 1032

const END = 0x06054b50
const END_64 = 0x06064b50
const LOCATOR_64 = 0x07064b50
const CENTRAL = 0x02014b50
const LOCAL = 0x04034b50

/** An entry of an archive. */
export interface ZipEntry {
  readonly name: string
  /** 0 stored, 8 deflated. */
  readonly method: number
  /** CRC-32 of the content. */
  readonly crc: number
  /** Bytes in the archive. */
  readonly storedBytes: number
  /** Bytes of the content, as the archive says. */
  readonly bytes: number
  /** Where its local header starts. */
  readonly offset: number
}

/** An open archive. */
export interface Zip {
  /** Files by name, in the order of the directory; folders are left out. */
  readonly entries: ReadonlyMap<string, ZipEntry>
  /**
   * The content of a file, checked against its CRC.
   *
   * @throws PithError `PITH_CHECKSUM` · `PITH_CORRUPT` · `PITH_LIMIT` more than `maxBytes`, which is 1 GiB for deflated ones
   */
  read(entry: ZipEntry, options?: ReadOptions): Promise<Uint8Array>
  /** The first `length` bytes of a file, or all that it has, not checked against its CRC. @throws PithError `PITH_CORRUPT` */
  readStart(entry: ZipEntry, length: number, options?: ReadOptions): Promise<Uint8Array>
  /** Bytes `start` to `end` of a stored file, not checked against its CRC. @throws PithError `PITH_UNSUPPORTED` deflated */
  readRange(entry: ZipEntry, start: number, end: number, options?: ReadOptions): Promise<Uint8Array>
  close(): Promise<void>
}

/**
 * Open a zip archive; its directory is read.
 *
 * @throws PithError `PITH_TRUNCATED` it has no end · `PITH_CORRUPT` its directory contradicts itself · `PITH_LIMIT` more
 * than 2^20 entries · `PITH_UNSUPPORTED` in several parts
 */
export async function openZip(source: ByteSource, options: ReadOptions = {}): Promise<Zip> {
  const access = toRandomAccess(source)
  const tailBytes = Math.min(access.size, 22 + 65535 + 20 + 56)
  const tail = await readExactly(access, access.size - tailBytes, tailBytes, options)
  const place = await findDirectory(
    tail,
    access.size - tailBytes,
    async (at) => await readExactly(access, at, 56, options),
  )
  const bytes = await readExactly(access, place.offset, place.bytes, options)
  const entries = parseDirectory(bytes, place.count, place.offset)
  const starts = new Map<ZipEntry, number>()
  const startOf = async (entry: ZipEntry, read: ReadOptions): Promise<number> => {
    const known = starts.get(entry)
    if (known !== undefined) return known
    const local = viewOf(await readExactly(access, entry.offset, 30, read))
    if (local.getUint32(0, true) !== LOCAL) throw corrupt(`no entry starts at ${entry.offset}`, entry.offset)
    // The lengths stand in the directory; those of the local header may be left out.
    const start = entry.offset + 30 + local.getUint16(26, true) + local.getUint16(28, true)
    if (start + entry.storedBytes > place.offset) throw corrupt(`${entry.name} runs into the directory`, entry.offset)
    starts.set(entry, start)
    return start
  }
  return {
    entries,
    async read(entry, read = {}) {
      const { maxBytes = entry.method === 0 ? Number.POSITIVE_INFINITY : MAX_INFLATED_BYTES } = read
      if (entry.bytes > maxBytes) throw tooLong(entry.name, maxBytes)
      const stored = await readExactly(access, await startOf(entry, read), entry.storedBytes, read)
      const content = entry.method === 0 ? stored : inflate(stored, entry)
      if (crc32(content) !== entry.crc) {
        throw new PithError('PITH_CHECKSUM', `the checksum of ${entry.name} is not the one in the directory`, {
          hint: 'Get the file again.',
          at: { entry: entry.name },
        })
      }
      return content
    },
    async readStart(entry, length, read = {}) {
      const wanted = Math.min(length, entry.bytes)
      const deflated = entry.method === 0 ? 0 : START_BYTES
      const stored = Math.min(wanted + deflated, entry.storedBytes)
      const bytes = await readExactly(access, await startOf(entry, read), stored, read)
      return entry.method === 0 ? bytes : inflate(bytes, entry, wanted)
    },
    async readRange(entry, start, end, read = {}) {
      if (entry.method !== 0) {
        throw new PithError('PITH_UNSUPPORTED', `${entry.name} is deflated: it can only be read as a whole`)
      }
      if (!(0 <= start && start <= end && end <= entry.bytes)) {
        throw new PithError('PITH_CORRUPT', `${start}..${end} is not within the ${entry.bytes} bytes of ${entry.name}`)
      }
      return await readExactly(access, (await startOf(entry, read)) + start, end - start, read)
    },
    close: async () => access.close?.(),
  }
}

interface DirectoryPlace {
  readonly offset: number
  readonly bytes: number
  readonly count: number
}

async function findDirectory(
  tail: Uint8Array,
  tailOffset: number,
  read56: (at: number) => Promise<Uint8Array>,
): Promise<DirectoryPlace> {
  const view = viewOf(tail)
  let at = tail.length - 22
  // The comment at the end must fill exactly what is left, so a stray signature within one does not pass.
  while (at >= 0 && !(view.getUint32(at, true) === END && at + 22 + view.getUint16(at + 20, true) === tail.length)) at--
  if (at < 0) {
    throw new PithError('PITH_TRUNCATED', 'the archive has no end', {
      hint: 'Check that this is a zip archive and that it is whole.',
    })
  }
  if (view.getUint16(at + 4, true) !== 0 && view.getUint16(at + 4, true) !== 0xffff) {
    throw new PithError('PITH_UNSUPPORTED', 'archives in several parts cannot be read')
  }
  let place = {
    count: view.getUint16(at + 10, true),
    bytes: view.getUint32(at + 12, true),
    offset: view.getUint32(at + 16, true),
  }
  let end = tailOffset + at
  if (at >= 20 && view.getUint32(at - 20, true) === LOCATOR_64) {
    const recordAt = u64(view, at - 20 + 8)
    const record = viewOf(await read56(recordAt))
    if (record.getUint32(0, true) !== END_64) throw corrupt('the end of the archive leads nowhere', recordAt)
    place = { count: u64(record, 32), bytes: u64(record, 40), offset: u64(record, 48) }
    end = recordAt
  }
  if (place.offset + place.bytes > end) throw corrupt('the directory runs beyond its end', place.offset)
  if (place.count > MAX_ENTRIES) {
    throw new PithError('PITH_LIMIT', `an archive may have ${MAX_ENTRIES} entries, this one says ${place.count}`)
  }
  return place
}

function parseDirectory(bytes: Uint8Array, count: number, directoryOffset: number): Map<string, ZipEntry> {
  const view = viewOf(bytes)
  const decoder = new TextDecoder()
  const entries = new Map<string, ZipEntry>()
  let at = 0
  for (let i = 0; i < count; i++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== CENTRAL) {
      throw corrupt(`the directory has ${i} of ${count} entries`, directoryOffset + at)
    }
    const nameBytes = view.getUint16(at + 28, true)
    const extraBytes = view.getUint16(at + 30, true)
    const next = at + 46 + nameBytes + extraBytes + view.getUint16(at + 32, true)
    if (next > bytes.length) throw corrupt('the directory is cut', directoryOffset + at)
    const name = decoder.decode(bytes.subarray(at + 46, at + 46 + nameBytes))
    const extra = viewOf(bytes.subarray(at + 46 + nameBytes, at + 46 + nameBytes + extraBytes))
    const entry: ZipEntry = { name, ...entryFields(view, at), ...wideFields(view, at, extra) }
    checkEntry(entry, view.getUint16(at + 8, true), directoryOffset)
    if (entries.has(name)) throw corrupt(`the name ${name.slice(0, 80)} stands twice`, directoryOffset + at)
    if (!name.endsWith('/')) entries.set(name, entry)
    at = next
  }
  if (at !== bytes.length) throw corrupt('the directory has bytes behind its entries', directoryOffset + at)
  checkOverlaps(entries)
  return entries
}

function entryFields(view: DataView, at: number): Omit<ZipEntry, 'name'> {
  return {
    method: view.getUint16(at + 10, true),
    crc: view.getUint32(at + 16, true),
    storedBytes: view.getUint32(at + 20, true),
    bytes: view.getUint32(at + 24, true),
    offset: view.getUint32(at + 42, true),
  }
}

/** Fields that stand in the zip64 extra because they are all ones where they should be. */
function wideFields(view: DataView, at: number, extra: DataView): Partial<ZipEntry> {
  const wide: { -readonly [K in keyof ZipEntry]?: ZipEntry[K] } = {}
  for (let from = 0; from + 4 <= extra.byteLength; ) {
    const length = extra.getUint16(from + 2, true)
    const end = from + 4 + length
    if (end > extra.byteLength) throw corrupt('an extra field is cut', at)
    if (extra.getUint16(from, true) === 1) {
      let field = from + 4
      for (const [key, place] of [
        ['bytes', 24],
        ['storedBytes', 20],
        ['offset', 42],
      ] as const) {
        if (view.getUint32(at + place, true) !== 0xffffffff) continue
        if (field + 8 > end) throw corrupt('a zip64 field is cut', at)
        wide[key] = u64(extra, field)
        field += 8
      }
    }
    from = end
  }
  return wide
}

function checkEntry(entry: ZipEntry, flags: number, directoryOffset: number): void {
  const { name, method, bytes, storedBytes, offset } = entry
  if ((flags & 1) !== 0) throw new PithError('PITH_UNSUPPORTED', `${name.slice(0, 80)} is encrypted`)
  if (method !== 0 && method !== 8) {
    throw new PithError('PITH_UNSUPPORTED', `${name.slice(0, 80)} is packed by method ${method}, expected 0 or 8`)
  }
  const fits = method === 0 ? bytes === storedBytes : bytes <= storedBytes * MAX_RATIO
  if (!fits || offset + 30 + storedBytes > directoryOffset) {
    throw corrupt(`${name.slice(0, 80)} of ${bytes} bytes cannot stand at ${offset}`, offset)
  }
}

/** Entries that share bytes let a small archive hold a large one many times over. */
function checkOverlaps(entries: ReadonlyMap<string, ZipEntry>): void {
  let end = 0
  for (const { name, offset, storedBytes } of [...entries.values()].sort((a, b) => a.offset - b.offset)) {
    if (offset < end) throw corrupt(`${name.slice(0, 80)} shares bytes with another file`, offset)
    end = offset + 30 + storedBytes
  }
}

/** The content of a deflated entry, or its first `wanted` bytes from a part of it. */
function inflate(stored: Uint8Array, { name, bytes, storedBytes }: ZipEntry, wanted: number = bytes): Uint8Array {
  const parts: Uint8Array[] = []
  const isWhole = stored.length === storedBytes
  let length = 0
  const inflater = new Inflate((part) => {
    length += part.length
    if (length > bytes) throw corrupt(`${name} is longer than the ${bytes} bytes that the directory says`, 0)
    parts.push(part)
  })
  try {
    for (let at = 0; at < stored.length || at === 0; at += STEP_BYTES) {
      inflater.push(stored.subarray(at, at + STEP_BYTES), isWhole && at + STEP_BYTES >= stored.length)
    }
  } catch (cause) {
    if (cause instanceof PithError) throw cause
    throw new PithError('PITH_CORRUPT', `${name.slice(0, 80)} cannot be inflated`, { at: { entry: name }, cause })
  }
  if (length < wanted || (isWhole && length !== bytes)) {
    throw corrupt(`${name} has ${length} bytes, the directory says ${bytes}`, 0)
  }
  return concatBytes(parts).subarray(0, wanted)
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function u64(view: DataView, at: number): number {
  const value = view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true)
  if (!Number.isSafeInteger(value)) throw corrupt('a size is above 2^53 - 1', at)
  return value
}

function corrupt(message: string, offset: number): PithError {
  return new PithError('PITH_CORRUPT', message, { at: { offset } })
}

function tooLong(name: string, maxBytes: number): PithError {
  return new PithError('PITH_LIMIT', `${name.slice(0, 80)} is longer than ${maxBytes} bytes`)
}

const CRC_TABLE = /* @__PURE__ */ crcTable()

function crcTable(): Uint32Array {
  const table = new Uint32Array(256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
    table[byte] = crc
  }
  return table
}

/** CRC-32 as zip archives use it (polynomial 0x04C11DB7, reflected). */
export function crc32(bytes: Uint8Array): number {
  const table = CRC_TABLE
  let crc = -1
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ (table[(crc ^ (bytes[i] as number)) & 255] as number)
  return ~crc >>> 0
}
