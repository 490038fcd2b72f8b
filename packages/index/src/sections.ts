import {
  ByteReader,
  ByteWriter,
  checkLimit,
  concatBytes,
  type EntryReader,
  type EntryWriter,
  PithError,
  type Run,
} from '@pith/core'

/** Blocks of a section whose length is known before: the smaller they are, the less a query reads. */
const LEAST_BLOCK_BYTES = 8192
/** Blocks that a section should have at most, since a reader takes the rows of all of them. */
const MANY_BLOCKS = 2048
/** Blocks of a section that comes piece by piece. */
const STREAM_BLOCK_BYTES = 65536
const MAX_BLOCK_BYTES = 2 ** 26
/** Decoded blocks that a reader keeps by default, in bytes. */
const CACHE_BYTES = 32 * 2 ** 20
const MAX_NAME_BYTES = 255

/** Bytes of a section: at once, or piece by piece where they do not fit into memory. */
export type SectionContent = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/** How a section is laid out. */
export interface SectionOptions {
  /** Bytes of a block, which is what is read and checked at once, 1..2^26. Default by the length of the section, from 8 KiB. */
  blockBytes?: number
}

/** Takes the parts of a segment, each a few named runs of bytes. */
export interface SectionWriter {
  /**
   * Write a section; each name once. Pieces may be of any length.
   *
   * @throws PithError `PITH_ARG` the name is taken, empty or above 255 bytes; what the container throws
   */
  write(name: string, content: SectionContent, options?: SectionOptions): Promise<void>
}

/** Gives named runs of bytes, reading only the blocks that are needed. */
export interface SectionReader {
  has(name: string): boolean
  /** Bytes of a section. @throws PithError `PITH_CORRUPT` there is none */
  size(name: string): number
  /**
   * Bytes `from` (default 0) to `to` (default the end) of a section, in memory of their own that starts at offset 0 of its
   * buffer. Reads that are asked for in the same turn and lie near each other become one. What comes is checked against
   * its CRC, but who wrote it may lie: counts and offsets in it are not to be trusted.
   *
   * @throws PithError `PITH_CORRUPT` no such section, or a range beyond its end · `PITH_CHECKSUM` · `PITH_TRUNCATED` ·
   * `PITH_LIMIT` more than `memoryBytes`; the abort reason
   */
  read(name: string, from?: number, to?: number, run?: Run): Promise<Uint8Array<ArrayBuffer>>
}

interface Section {
  readonly bytes: number
  readonly blockBytes: number
}

/** Sections as blocks of one entry of a container; `finish` writes their table, once, after the last of them. */
export function writeSections(entry: EntryWriter): SectionWriter & { finish(): Promise<void> } {
  const table = new Map<string, Section>()
  const write = async (name: string, content: SectionContent, options: SectionOptions = {}): Promise<void> => {
    checkName(name)
    if (table.has(name)) throw new PithError('PITH_ARG', `the section ${JSON.stringify(name)} is written already`)
    const known = content instanceof Uint8Array
    const blockBytes = options.blockBytes ?? (known ? blockBytesFor(content.length) : STREAM_BLOCK_BYTES)
    if (!(Number.isInteger(blockBytes) && blockBytes >= 1 && blockBytes <= MAX_BLOCK_BYTES)) {
      throw new PithError('PITH_ARG', `blockBytes must be 1..${MAX_BLOCK_BYTES}, not ${blockBytes}`)
    }
    table.set(name, { bytes: 0, blockBytes })
    let bytes = 0
    for await (const block of blocksOf(known ? [content] : content, blockBytes)) {
      bytes += block.length
      await entry.block(name, block, { rawBytes: block.length, align: true })
    }
    table.set(name, { bytes, blockBytes })
  }
  return { write, finish: () => entry.summary(encodeTable(table)) }
}

/**
 * The sections that {@link writeSections} wrote into an entry.
 *
 * @param fileBytes  length of the file, which no section may exceed
 * @param options.cacheBytes  blocks that are kept in memory at most, default 32 MiB
 * @throws PithError `PITH_CORRUPT` no table of sections, or a damaged one · `PITH_CHECKSUM` · `PITH_TRUNCATED`
 */
export async function openSections(
  entry: EntryReader,
  fileBytes: number,
  options: { cacheBytes?: number } = {},
): Promise<SectionReader> {
  const summary = await entry.summary()
  if (summary === undefined) throw new PithError('PITH_CORRUPT', 'the file has no table of sections')
  const table = decodeTable(summary, fileBytes)
  const cache = new BlockCache(options.cacheBytes ?? CACHE_BYTES)
  const find = (name: string): Section => {
    const section = table.get(name)
    if (section !== undefined) return section
    throw new PithError('PITH_CORRUPT', `the file has no section ${JSON.stringify(name)}`, { at: { section: name } })
  }
  const block = async (name: string, number: number, section: Section, run?: Run): Promise<Uint8Array> => {
    const key = `${number} ${name}`
    const held = cache.get(key)
    if (held !== undefined) return held
    const rows = await entry.blocks(name)
    const row = rows[number]
    const expected = Math.min(section.blockBytes, section.bytes - number * section.blockBytes)
    if (row === undefined || rows.length !== Math.ceil(section.bytes / section.blockBytes)) {
      throw damaged(name, `${rows.length} blocks for ${section.bytes} bytes`)
    }
    if (row.storedBytes !== expected) throw damaged(name, `block ${number} of ${row.storedBytes} bytes`)
    const payload = await entry.read(row, run)
    cache.put(key, payload)
    return payload
  }
  return {
    has: (name) => table.has(name),
    size: (name) => find(name).bytes,
    async read(name, from = 0, to, run) {
      const section = find(name)
      const end = to ?? section.bytes
      if (!(Number.isInteger(from) && Number.isInteger(end) && 0 <= from && from <= end && end <= section.bytes)) {
        throw damaged(name, `the range ${from}..${end} of ${section.bytes} bytes`)
      }
      if (from === end) return new Uint8Array(0)
      checkLimit(entry.limits, 'memoryBytes', end - from, `the section ${JSON.stringify(name)}`)
      const first = Math.floor(from / section.blockBytes)
      const last = Math.floor((end - 1) / section.blockBytes)
      // All at once, so that neighbours are fetched together.
      const parts = await Promise.all(
        Array.from({ length: last - first + 1 }, (_, i) => block(name, first + i, section, run)),
      )
      const start = first * section.blockBytes
      const cut = parts.map((part, i) => {
        const at = start + i * section.blockBytes
        return part.subarray(Math.max(0, from - at), end - at)
      })
      return concatBytes(cut)
    },
  }
}

/** Blocks by age of use, bounded in bytes. */
class BlockCache {
  readonly #most: number
  readonly #held = new Map<string, Uint8Array>()
  #bytes = 0

  constructor(most: number) {
    this.#most = most
  }

  get(key: string): Uint8Array | undefined {
    const found = this.#held.get(key)
    if (found === undefined) return undefined
    this.#held.delete(key)
    this.#held.set(key, found)
    return found
  }

  put(key: string, payload: Uint8Array): void {
    if (payload.length > this.#most >> 2 || this.#held.has(key)) return
    // A copy, since a view would keep alive all that was read with it.
    this.#held.set(key, payload.slice())
    this.#bytes += payload.length
    for (const [oldest, bytes] of this.#held) {
      if (this.#bytes <= this.#most) break
      this.#held.delete(oldest)
      this.#bytes -= bytes.length
    }
  }
}

async function* blocksOf(
  content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  blockBytes: number,
): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = []
  let held = 0
  for await (const piece of content) {
    let at = 0
    while (held + piece.length - at >= blockBytes) {
      const end = at + blockBytes - held
      parts.push(piece.subarray(at, end))
      yield parts.length === 1 ? (parts[0] as Uint8Array) : concatBytes(parts)
      parts = []
      held = 0
      at = end
    }
    if (at === piece.length) continue
    // The caller may use the memory of a piece again.
    parts.push(piece.slice(at))
    held += piece.length - at
  }
  if (held > 0) yield concatBytes(parts)
}

function blockBytesFor(bytes: number): number {
  let size = LEAST_BLOCK_BYTES
  while (size * MANY_BLOCKS < bytes && size < MAX_BLOCK_BYTES) size *= 2
  return size
}

function checkName(name: string): void {
  const bytes = new TextEncoder().encode(name).length
  if (bytes >= 1 && bytes <= MAX_NAME_BYTES) return
  throw new PithError('PITH_ARG', `a name of 1..${MAX_NAME_BYTES} bytes is needed, got ${bytes}`)
}

/** Count, then for each section by name: length and bytes of the name, bytes, bytes of a block. */
function encodeTable(table: ReadonlyMap<string, Section>): Uint8Array {
  const out = new ByteWriter()
  out.varint(table.size)
  for (const [name, { bytes, blockBytes }] of table) {
    const text = new TextEncoder().encode(name)
    out.varint(text.length)
    out.bytes(text)
    out.varint(bytes)
    out.varint(blockBytes)
  }
  return out.view()
}

function decodeTable(summary: Uint8Array, fileBytes: number): Map<string, Section> {
  const input = new ByteReader(summary)
  const table = new Map<string, Section>()
  let sum = 0
  for (let left = input.varint(); left > 0; left--) {
    const name = input.utf8(input.varint())
    const section = { bytes: input.varint(), blockBytes: input.varint() }
    if (name === '' || table.has(name)) throw damaged(name, 'which stands twice in the table')
    sum += section.bytes
    if (sum > fileBytes) throw damaged(name, `${sum} bytes in a file of ${fileBytes}`)
    if (!(section.blockBytes >= 1 && section.blockBytes <= MAX_BLOCK_BYTES)) {
      throw damaged(name, `blocks of ${section.blockBytes} bytes`)
    }
    table.set(name, section)
  }
  input.finish()
  return table
}

function damaged(name: string, what: string): PithError {
  return new PithError('PITH_CORRUPT', `the section ${JSON.stringify(name.slice(0, 80))} is damaged: ${what}`, {
    hint: 'Build the index again, or restore it from a copy.',
    at: { section: name.slice(0, 80) },
  })
}
