import type { RandomAccess, Sink } from '../io.ts'
import type { Run } from '../run.ts'
import type { EntryState, Row } from './catalog.ts'
import type { OpenedContainer } from './reader.ts'
import { openWhole } from './reader.ts'
import { batches } from './verify.ts'
import type { ContainerEntryWriter, ContainerOptions, ContainerWriter, EntryOptions, Totals } from './writer.ts'
import { ChunkWriter, freshState } from './writer.ts'

/**
 * Write what the last commit of a container holds as if it had been written in one go: one index, no bytes that nothing
 * refers to, the solo form where it is small enough (unless `solo` is false: then it can be appended to without a copy of
 * its blocks). Blocks are copied as they are.
 *
 * @throws PithError `PITH_CHECKSUM` a block is damaged (see `repair`); what the sink throws; the abort reason
 */
export async function repack(
  source: RandomAccess | Uint8Array,
  sink: Sink,
  run: Run & Pick<ContainerOptions, 'solo'> = {},
): Promise<Totals> {
  const { signal, limits, solo = true } = run
  const container = await openWhole(source, { ...(signal && { signal }), ...(limits && { limits }) })
  if (container.damage !== undefined) throw container.damage
  const writer = new ChunkWriter(sink, freshState(), { solo, ...(signal && { signal }) })
  try {
    let done = 0
    for await (const entry of container.store.entries(signal)) {
      done += await copyEntryTo(container, entry, writer, run)
      run.onProgress?.({ stage: 'repack', done, total: container.totals.blocks, unit: 'steps' })
    }
    return await writer.finish()
  } catch (error) {
    await writer.abort(error)
    throw error
  }
}

async function copyEntryTo(
  container: OpenedContainer,
  entry: EntryState,
  writer: ContainerWriter,
  run: Run,
): Promise<number> {
  const { store } = container
  const { signal } = run
  const target = await writer.entry(headOptions(entry))
  const rows = (await store.rows(entry, 0, signal)).sort((a, b) => a.offset - b.offset)
  let version = 0
  for (const batch of batches(rows)) {
    const payloads = await Promise.all(batch.map((row) => store.block(entry, row, signal)))
    for (const [i, row] of batch.entries()) {
      for (; version < entry.profiles.length && entry.profiles[version].offset < row.offset; version++) {
        await target.profile(await store.profile(entry, version + 1, signal))
      }
      await copyBlock(target, entry.sections[row.section - 1].name, row, payloads[i])
    }
  }
  for (; version < entry.profiles.length; version++)
    await target.profile(await store.profile(entry, version + 1, signal))
  const summary = await store.summary(entry, signal)
  if (summary !== undefined) await target.summary(summary)
  await target.finish(entry.rawBytes)
  return rows.length
}

/** Give a block to a writer as it stood in its file. */
export async function copyBlock(
  target: ContainerEntryWriter,
  section: string,
  row: Row,
  payload: Uint8Array,
): Promise<void> {
  const { rawBytes, variant, profile, keyFirst, keyCount, aligned } = row
  await target.block(section, payload, {
    rawBytes,
    variant,
    profile,
    ...(keyFirst < 0 ? {} : { keys: [keyFirst, keyFirst + keyCount] as const }),
    align: aligned,
  })
}

export function headOptions(entry: EntryState): EntryOptions {
  const { codecVersion, ...head } = entry.head
  return { ...head, version: codecVersion }
}
