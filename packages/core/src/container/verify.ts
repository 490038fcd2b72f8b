import type { ErrorPlace, PithCode } from '../errors.ts'
import { isPithError } from '../errors.ts'
import type { RandomAccess } from '../io.ts'
import type { Run } from '../run.ts'
import type { EntryState, Row } from './catalog.ts'
import type { OpenedContainer } from './reader.ts'
import { openWhole } from './reader.ts'
import { nameOf } from './store.ts'

/** Something that can't be read. */
export interface BadPlace extends ErrorPlace {
  code: PithCode
  message: string
  /** Number of the block, where it is one. */
  block?: number
}

/** What `verify` found. */
export interface VerifyReport {
  /** Nothing is bad and no commit was passed over; bytes behind the last commit are allowed. */
  ok: boolean
  form: 'solo' | 'chunks' | undefined
  commit: number
  entries: number
  blocks: number
  rawBytes: number
  /** Bytes up to the end of the commit. */
  bytes: number
  uncommittedBytes: number
  bad: BadPlace[]
}

/** Blocks that are read at once: neighbours become one request. */
const BATCH_BYTES = 4 * 2 ** 20
const BATCH_ROWS = 256

/**
 * Read all that the last commit refers to and check every CRC. Damage is reported, not thrown.
 *
 * @returns counts, and each place that is bad
 * @throws what the source throws, and the abort reason
 */
export async function verify(source: RandomAccess | Uint8Array, run: Run = {}): Promise<VerifyReport> {
  const report: VerifyReport = {
    ok: false,
    form: undefined,
    commit: 0,
    entries: 0,
    blocks: 0,
    rawBytes: 0,
    bytes: 0,
    uncommittedBytes: 0,
    bad: [],
  }
  const note = (error: unknown, more: Partial<BadPlace> = {}): void => {
    if (!isPithError(error) || error.code === 'PITH_IO' || error.code === 'PITH_NETWORK') throw error
    report.bad.push({ ...error.at, ...more, code: error.code, message: error.message })
  }
  let container: OpenedContainer
  try {
    const { signal, limits } = run
    container = await openWhole(source, { ...(signal && { signal }), ...(limits && { limits }) })
  } catch (error) {
    note(error)
    report.uncommittedBytes = source instanceof Uint8Array ? source.length : source.size
    return report
  }
  const { totals, damage } = container
  Object.assign(report, { form: container.form, commit: container.commit, bytes: totals.bytes })
  report.uncommittedBytes = container.uncommittedBytes
  if (damage !== undefined) note(damage)
  try {
    for await (const entry of container.store.entries(run.signal))
      await verifyEntry(container, entry, report, note, run)
  } catch (error) {
    note(error)
  }
  if (report.bad.length === 0) {
    for (const what of ['entries', 'blocks', 'rawBytes'] as const) {
      if (report[what] === totals[what]) continue
      const message = `the tail counts ${totals[what]} ${what}, the index has ${report[what]}`
      report.bad.push({ code: 'PITH_CORRUPT', message, offset: totals.bytes })
    }
  }
  report.ok = report.bad.length === 0
  return report
}

type Note = (error: unknown, more?: Partial<BadPlace>) => void

async function verifyEntry(
  container: OpenedContainer,
  entry: EntryState,
  report: VerifyReport,
  note: Note,
  run: Run,
): Promise<void> {
  const { store } = container
  const place = { entry: nameOf(entry) }
  report.entries++
  report.rawBytes += entry.rawBytes
  for (let version = 1; version <= entry.profiles.length; version++) {
    await store.profile(entry, version, run.signal).catch((error: unknown) => note(error, place))
  }
  await store.summary(entry, run.signal).catch((error: unknown) => note(error, place))
  const rows = await store.rows(entry, 0, run.signal).catch((error: unknown) => note(error, place))
  if (rows === undefined) return
  rows.sort((a, b) => a.offset - b.offset)
  for (const batch of batches(rows)) {
    const read = await Promise.allSettled(batch.map((row) => store.block(entry, row, run.signal)))
    for (const [i, result] of read.entries()) {
      report.blocks++
      const { section, block, offset } = batch[i]
      const more = { ...place, section: entry.sections[section - 1].name, block, offset }
      if (result.status === 'rejected') note(result.reason, more)
    }
    run.onProgress?.({ stage: 'verify', done: report.blocks, total: container.totals.blocks, unit: 'steps' })
  }
}

/** Cut rows into groups of neighbours of bounded size. */
export function* batches(rows: readonly Row[]): Generator<Row[], void, undefined> {
  let batch: Row[] = []
  let bytes = 0
  for (const row of rows) {
    if (batch.length > 0 && (bytes + row.storedBytes > BATCH_BYTES || batch.length >= BATCH_ROWS)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(row)
    bytes += row.storedBytes
  }
  if (batch.length > 0) yield batch
}
