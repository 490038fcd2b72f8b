import { ByteReader } from '../bytes.ts'
import type { Codec } from '../codec.ts'
import { isPithError, PithError } from '../errors.ts'
import type { RandomAccess, Sink } from '../io.ts'
import { resolveLimits } from '../limits.ts'
import type { Run } from '../run.ts'
import { bytesAccess } from '../source.ts'
import type { ChunkRef, EntryState, Row } from './catalog.ts'
import { newEntry } from './catalog.ts'
import { Fetcher } from './fetch.ts'
import { chunkAt, headEntry, readDone } from './journal.ts'
import { FRAME_BYTES, PRELUDE_BYTES, TYPES } from './layout.ts'
import type { LocatedSolo } from './locate.ts'
import type { OpenedContainer } from './reader.ts'
import { openWhole } from './reader.ts'
import { decodeUndo, readBlockPrefix } from './records.ts'
import { copyBlock, headOptions } from './repack.ts'
import type { LostPlace, SavedParts } from './repair-entry.ts'
import { repairEntry } from './repair-entry.ts'
import type { FoundChunk } from './salvage.ts'
import { scanChunks } from './salvage.ts'
import { nameOf } from './store.ts'
import type { Totals } from './writer.ts'
import { ChunkWriter, freshState } from './writer.ts'

/** What `repair` saved and lost. */
export interface RepairReport {
  /** Sums over the new file. */
  totals: Totals
  /** How the parts were found: by the index of a commit and the chunks behind it, or by looking through the whole file. */
  from: 'index' | 'scan'
  /** Whether the file lacks its end: nobody knows what stood there. */
  isCut: boolean
  lost: LostPlace[]
}

/** Options of `repair`. */
export interface RepairOptions extends Run {
  /**
   * The codec of an entry, undefined where it isn't at hand: what can decode is kept then, not only what can be read.
   */
  codec?: (id: string, version: number) => Promise<Pick<Codec, 'repair'> | undefined>
}

/** What is known of an entry while it is gathered. */
interface Salvaged {
  /** Its sections have names where they are known, and no counts. */
  state: EntryState
  hasHead: boolean
  names: Map<number, string>
  /** Rows by section, variant and block. */
  rows: Map<string, Row>
  profiles: Map<number, ChunkRef>
  summary: ChunkRef | undefined
  /** Decoded length, where it was written down. */
  declared: number | undefined
}

type Gathered = Pick<RepairReport, 'from' | 'isCut' | 'lost'> & { entries: Map<number, Salvaged> }

/** Longest payload of a chunk that describes others. */
const RECORD_BYTES = 2 ** 20
/** More than the fields before a block's payload can take. */
const PREFIX_BYTES = 320

/**
 * Save what is whole in a damaged or cut container, and write it as a new one, also what was never committed.
 *
 * Blocks keep their order; where one is lost, the later ones of its section move up, and the report names it. A codec that
 * can repair decides itself what of an entry is kept.
 *
 * @returns what was saved and what was lost
 * @throws PithError `PITH_CORRUPT` nothing of a container is there; what source and sink throw; the abort reason
 */
export async function repair(
  source: RandomAccess | Uint8Array,
  sink: Sink,
  run: RepairOptions = {},
): Promise<RepairReport> {
  const access = source instanceof Uint8Array ? bytesAccess(source) : source
  const writer = new ChunkWriter(sink, freshState(), run.signal === undefined ? {} : { signal: run.signal })
  try {
    const opened = await openIfPossible(access, run)
    const behind =
      opened?.form === 'solo' && opened.uncommittedBytes === 0 ? undefined : await gather(access, opened, run)
    // Chunks behind the solo form hold its content again, if whoever wrote them came so far.
    const report =
      opened?.form === 'solo' && (behind === undefined || rawBytesOf(behind) < opened.totals.rawBytes)
        ? await repairSolo(opened, writer, run)
        : await repairChunks(access, behind as Gathered, writer, run)
    return { ...report, totals: await writer.finish() }
  } catch (error) {
    await writer.abort(error)
    throw error
  }
}

function rawBytesOf({ entries }: Gathered): number {
  let sum = 0
  for (const { hasHead, rows } of entries.values()) {
    if (hasHead) for (const { variant, rawBytes } of rows.values()) if (variant === 0) sum += rawBytes
  }
  return sum
}

async function openIfPossible(access: RandomAccess, run: Run): Promise<OpenedContainer | undefined> {
  const { signal, limits } = run
  try {
    return await openWhole(access, { ...(signal && { signal }), ...(limits && { limits }) })
  } catch (error) {
    if (
      isPithError(error, 'PITH_TRUNCATED') ||
      isPithError(error, 'PITH_CHECKSUM') ||
      isPithError(error, 'PITH_CORRUPT')
    ) {
      return undefined
    }
    throw error
  }
}

type Partial = Omit<RepairReport, 'totals'>

async function repairSolo(opened: OpenedContainer, writer: ChunkWriter, run: RepairOptions): Promise<Partial> {
  const lost: LostPlace[] = []
  const { store } = opened
  for await (const entry of store.entries()) {
    const target = await writer.entry(headOptions(entry))
    const codec = await run.codec?.(entry.head.codec, entry.head.codecVersion)
    const { bytes } = opened.located as LocatedSolo
    const cut = ({ offset, length }: ChunkRef): Uint8Array => bytes.subarray(offset, offset + length)
    if (codec?.repair !== undefined) {
      const parts: SavedParts = {
        rows: (await store.rows(entry, 0)).map((row) => ({ ...row, name: entry.sections[row.section - 1].name })),
        payload: (row) => store.block(entry, row).catch(() => undefined),
        profiles: entry.profiles.map(cut),
        // Without a CRC of its own it is not to be trusted in a damaged file.
        summary: entry.summary === undefined || opened.damage !== undefined ? undefined : cut(entry.summary),
      }
      await repairEntry({ state: entry, parts, target, lost, limits: opened.limits }, codec.repair.bind(codec), run)
      continue
    }
    // Without a CRC of their own they are not to be trusted in a damaged file, but blocks may need them.
    if (opened.damage !== undefined && (entry.profiles.length > 0 || entry.summary !== undefined)) {
      lost.push({ what: 'the certainty that profile and summary are right', entry: nameOf(entry) })
    }
    for (const profile of entry.profiles) await target.profile(cut(profile))
    const rows = (await store.rows(entry, 0)).sort((a, b) => a.offset - b.offset)
    let isWhole = true
    for (const row of rows) {
      const payload = await store.block(entry, row).catch(() => undefined)
      if (payload === undefined) {
        lost.push(lostBlock(entry, row))
        isWhole = false
      } else await copyBlock(target, entry.sections[row.section - 1].name, row, payload)
    }
    const { summary } = entry
    if (summary !== undefined) await target.summary(cut(summary))
    await target.finish(isWhole ? entry.rawBytes : undefined)
  }
  if (opened.uncommittedBytes > 0)
    lost.push({ what: 'what stands behind the last commit', offset: opened.totals.bytes })
  return { from: 'index', isCut: opened.damage?.code === 'PITH_TRUNCATED', lost }
}

async function gather(access: RandomAccess, opened: OpenedContainer | undefined, run: Run): Promise<Gathered> {
  const gathered: Gathered = { from: 'scan', isCut: true, entries: new Map(), lost: [] }
  let start = 0
  let hasEnd = opened?.form === 'chunks' && opened.uncommittedBytes === 0
  if (opened?.form === 'chunks') {
    try {
      for await (const entry of opened.store.entries(run.signal)) {
        gathered.entries.set(entry.id, await fromIndex(opened, entry, run))
      }
      gathered.from = 'index'
      start = opened.totals.bytes
    } catch (error) {
      if (!(isPithError(error, 'PITH_CHECKSUM') || isPithError(error, 'PITH_CORRUPT'))) throw error
      gathered.entries.clear()
    }
  } else if (opened === undefined) start = Math.min(PRELUDE_BYTES, access.size)
  for await (const chunk of scanChunks(access, start, access.size, run.signal)) {
    hasEnd = chunk.intact && chunk.header.type === TYPES.tail && endOf(chunk) === access.size
    if (chunk.intact) await take(access, gathered, chunk)
    else gathered.lost.push(lostChunk(gathered, chunk))
  }
  gathered.isCut = !hasEnd
  if (gathered.entries.size === 0 && opened === undefined) {
    throw new PithError('PITH_CORRUPT', 'nothing of a container can be found', {
      hint: 'Get another copy of the file.',
    })
  }
  return gathered
}

function endOf({ offset, header }: FoundChunk): number {
  return offset + FRAME_BYTES + header.length
}

async function fromIndex(opened: OpenedContainer, entry: EntryState, run: Run): Promise<Salvaged> {
  const found = blank(entry, true)
  found.declared = entry.rawBytes
  for (const [i, { name }] of entry.sections.entries()) found.names.set(i + 1, name)
  for (const row of await opened.store.rows(entry, 0, run.signal)) found.rows.set(keyOf(row), row)
  for (const [i, ref] of entry.profiles.entries()) found.profiles.set(i + 1, ref)
  found.summary = entry.summary
  return found
}

function blank(state: EntryState, hasHead: boolean): Salvaged {
  return {
    state,
    hasHead,
    names: new Map(),
    rows: new Map(),
    profiles: new Map(),
    summary: undefined,
    declared: undefined,
  }
}

function keyOf(row: Pick<Row, 'section' | 'variant' | 'block'>): string {
  return `${row.section}/${row.variant}/${row.block}`
}

async function take(access: RandomAccess, gathered: Gathered, chunk: FoundChunk): Promise<void> {
  const { header, offset, crc } = chunk
  const { type, length } = header
  if (header.entry === 0 || !RECORDS.has(type)) return
  const wanted = type === TYPES.block || type === TYPES.profile ? Math.min(length, PREFIX_BYTES) : length
  if (type !== TYPES.summary && wanted > RECORD_BYTES) return
  const payload = type === TYPES.summary ? new Uint8Array(0) : await access.read(offset + FRAME_BYTES - 4, wanted)
  try {
    if (type === TYPES.head) return takeHead(gathered, { ...chunk, payload })
    let found = gathered.entries.get(header.entry)
    if (found === undefined) {
      found = blank(newEntry(header.entry, { kind: 'file', codec: 'stored', codecVersion: 1 }), false)
      gathered.entries.set(header.entry, found)
    }
    const ref = { offset, length, crc }
    if (type === TYPES.summary) found.summary = ref
    else if (type === TYPES.profile) found.profiles.set(new ByteReader(payload).varint(), ref)
    else if (type === TYPES.done) found.declared = readDone(payload, offset)
    else if (type === TYPES.undo) takeBack(found, payload)
    else takeBlock(found, { ...chunk, payload })
  } catch (error) {
    if (!isPithError(error)) throw error
    gathered.lost.push({ what: 'a chunk that makes no sense', entry: String(header.entry), offset })
  }
}

const RECORDS: ReadonlySet<number> = /* @__PURE__ */ new Set([
  TYPES.head,
  TYPES.profile,
  TYPES.block,
  TYPES.summary,
  TYPES.done,
  TYPES.undo,
])

type FoundRecord = FoundChunk & { payload: Uint8Array }

function takeHead(gathered: Gathered, chunk: FoundRecord): void {
  const entry = headEntry(chunk)
  const found = gathered.entries.get(entry.id)
  if (found === undefined) gathered.entries.set(entry.id, blank(entry, true))
  else if (!found.hasHead) {
    found.state = entry
    found.hasHead = true
  }
}

function takeBlock(found: Salvaged, chunk: FoundRecord): void {
  const input = new ByteReader(chunk.payload)
  const block = readBlockPrefix(input)
  const { section, length } = chunk.header
  if (block.name !== undefined) found.names.set(section, block.name)
  const row: Row = {
    entry: chunk.header.entry,
    section,
    variant: block.variant,
    block: block.block,
    offset: chunk.offset,
    prefix: input.offset,
    storedBytes: length - input.offset,
    rawBytes: block.rawBytes,
    keyFirst: block.keys === undefined ? -1 : block.keys[0],
    keyCount: block.keys === undefined ? 0 : block.keys[1] - block.keys[0],
    profile: block.profile,
    aligned: block.aligned,
    crc: chunk.crc,
  }
  found.rows.set(keyOf(row), row)
  found.declared = undefined
}

function takeBack(found: Salvaged, payload: Uint8Array): void {
  const undo = decodeUndo(payload)
  for (const [key, row] of found.rows) {
    if (row.block >= (undo.sections[row.section - 1]?.[row.variant] ?? 0)) found.rows.delete(key)
  }
  for (const version of found.profiles.keys()) if (version > undo.profiles) found.profiles.delete(version)
  found.declared = undefined
  // It may speak of what was taken back; the next one stands behind.
  found.summary = undefined
}

async function repairChunks(
  access: RandomAccess,
  gathered: Gathered,
  writer: ChunkWriter,
  run: RepairOptions,
): Promise<Partial> {
  const { lost, from, isCut } = gathered
  const file = new Fetcher(access)
  for (const found of [...gathered.entries.values()].sort((a, b) => a.state.id - b.state.id)) {
    if (found.hasHead) await writeEntry(file, found, writer, lost, run)
    else lost.push({ what: 'the head of an entry, and with it the entry', entry: String(found.state.id) })
  }
  return { from, isCut, lost }
}

async function writeEntry(
  file: Fetcher,
  found: Salvaged,
  writer: ChunkWriter,
  lost: LostPlace[],
  run: RepairOptions,
): Promise<void> {
  const { state, names } = found
  const entry = nameOf(state)
  const target = await writer.entry(headOptions(state)).catch((error: unknown) => {
    if (!isPithError(error, 'PITH_ARG')) throw error
    lost.push({ what: `the entry: ${error.message}`, entry })
    return undefined
  })
  if (target === undefined) return
  const codec = await run.codec?.(state.head.codec, state.head.codecVersion)
  if (codec?.repair !== undefined) {
    noteHoles(found, entry, lost)
    const parts = await partsOf(file, found, run)
    await repairEntry({ state, parts, target, lost, limits: resolveLimits(run.limits) }, codec.repair.bind(codec), run)
    return
  }
  const versions = new Map<number, number>([[0, 0]])
  for (const [version, ref] of [...found.profiles].sort((a, b) => a[0] - b[0])) {
    const payload = await payloadOf(file, ref, run)
    if (payload === undefined) lost.push({ what: `version ${version} of the profile`, entry, offset: ref.offset })
    else {
      const input = new ByteReader(payload)
      input.varint()
      versions.set(version, await target.profile(payload.subarray(input.offset)))
    }
  }
  const blocksFrom = lost.length
  noteHoles(found, entry, lost)
  for (const row of [...found.rows.values()].sort((a, b) => a.offset - b.offset)) {
    const name = names.get(row.section)
    const profile = versions.get(row.profile)
    const ref = { offset: row.offset, length: row.prefix + row.storedBytes, crc: row.crc }
    const payload = name === undefined || profile === undefined ? undefined : await payloadOf(file, ref, run)
    if (payload === undefined || name === undefined || profile === undefined) {
      lost.push({ what: 'a block', entry, section: name ?? String(row.section), block: row.block, offset: row.offset })
    } else await copyBlock(target, name, { ...row, profile }, payload.subarray(row.prefix))
  }
  const summary = found.summary === undefined ? undefined : await payloadOf(file, found.summary, run)
  if (summary !== undefined) await target.summary(summary)
  else if (found.summary !== undefined) lost.push({ what: 'the summary', entry, offset: found.summary.offset })
  await target.finish(lost.length === blocksFrom ? found.declared : undefined)
}

/** What was found of an entry, for its codec. */
async function partsOf(file: Fetcher, found: Salvaged, run: Run): Promise<SavedParts> {
  const profiles: (Uint8Array | undefined)[] = []
  for (const [, ref] of [...found.profiles].sort((a, b) => a[0] - b[0])) {
    const payload = await payloadOf(file, ref, run)
    const input = new ByteReader(payload ?? Uint8Array.of(0))
    input.varint()
    profiles.push(payload?.subarray(input.offset))
  }
  return {
    rows: [...found.rows.values()].map((row) => ({ ...row, name: found.names.get(row.section) })),
    payload: async (row) => {
      const ref = { offset: row.offset, length: row.prefix + row.storedBytes, crc: row.crc }
      return (await payloadOf(file, ref, run))?.subarray(row.prefix)
    },
    profiles,
    summary: found.summary === undefined ? undefined : await payloadOf(file, found.summary, run),
  }
}

/** Blocks that are missing between those that were found. */
function noteHoles(found: Salvaged, entry: string, lost: LostPlace[]): void {
  const ends = new Map<string, Row>()
  for (const row of found.rows.values()) {
    const key = `${row.section}/${row.variant}`
    if ((ends.get(key)?.block ?? -1) < row.block) ends.set(key, row)
  }
  for (const last of ends.values()) {
    // Numbers far beyond what was found come from a bad writer; each hole is still reported once.
    for (let block = 0; block < Math.min(last.block, found.rows.size * 4 + 1024); block++) {
      if (found.rows.has(keyOf({ ...last, block }))) continue
      lost.push({ what: 'a block', entry, section: found.names.get(last.section) ?? String(last.section), block })
    }
  }
}

async function payloadOf(file: Fetcher, ref: ChunkRef, run: Run): Promise<Uint8Array | undefined> {
  if (ref.offset + ref.length + FRAME_BYTES > file.size) return undefined
  const chunk = chunkAt(await file.read(ref.offset, ref.length + FRAME_BYTES, run.signal), 0, ref.offset)
  return chunk?.intact && chunk.crc === ref.crc ? chunk.payload : undefined
}

function lostBlock(entry: EntryState, row: Row): LostPlace {
  const { name } = entry.sections[row.section - 1]
  return { what: 'a block', entry: nameOf(entry), section: name, block: row.block, offset: row.offset }
}

function lostChunk(gathered: Gathered, chunk: FoundChunk): LostPlace {
  const { header, offset } = chunk
  const found = gathered.entries.get(header.entry)
  const entry = found === undefined ? String(header.entry) : nameOf(found.state)
  const what = header.type === TYPES.block ? 'a block' : 'a damaged chunk'
  return { what, ...(header.entry > 0 ? { entry } : {}), offset }
}
