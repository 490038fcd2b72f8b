import { stat } from 'node:fs/promises'
import { type Arguments, type CommandContext, PithError, toSource } from '@pith/core'
import { type ContainerEntry, type ContainerWriter, createContainer } from '@pith/core/container'
import { levelOf, runOf } from '../command/run-options.ts'
import { parseChunk } from '../command/sizes.ts'
import { type EncodeChoices, encodeWith } from '../input/encode-entry.ts'
import { codecOf, decodedBytes, inFile, openFile } from '../input/open-file.ts'
import { outputSink } from '../input/output-sink.ts'
import { showWritten } from '../input/show-written.ts'
import type { WrittenEntry } from '../input/write-container.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const started = performance.now()
  const path = args.operands[0]!
  const output = args.value('output') ?? path
  const job = runOf(args, context)
  const level = levelOf(args)
  const chunk = args.value('chunk')
  const choices: EncodeChoices = {
    ...(level === undefined ? {} : { level }),
    ...(chunk === undefined ? {} : { chunkBytes: parseChunk(chunk) }),
  }
  const file = await openFile(path, context, job.limits)
  try {
    if (file.container.damage !== undefined) {
      throw new PithError('PITH_CORRUPT', 'a damaged file is not packed anew', {
        hint: `Run pith repair ${path} first.`,
        cause: file.container.damage,
      })
    }
    const before = file.container.totals.bytes
    const mode = path === '-' ? undefined : (await stat(path)).mode & 0o777
    // Without -o the file itself is replaced, which is what the verb is for.
    const sink = await outputSink(output, context, { force: args.has('force') || output === path, mode })
    const container = createContainer(sink, { signal: job.signal })
    const entries: WrittenEntry[] = []
    try {
      for await (const entry of file.container.entries(job)) {
        const written = await packAnew(entry, container, choices, job)
        if (written !== undefined) entries.push(written)
      }
      const totals = await container.finish()
      const ms = performance.now() - started
      await showWritten({ output, bytesIn: before, bytesOut: totals.bytes, ms, entries }, context)
    } catch (error) {
      await container.abort(error)
      throw error
    }
    return 0
  } catch (error) {
    throw inFile(path, error)
  } finally {
    await file.close()
  }
}

async function packAnew(
  entry: ContainerEntry,
  container: ContainerWriter,
  choices: EncodeChoices,
  job: ReturnType<typeof runOf>,
): Promise<WrittenEntry | undefined> {
  const { kind, path, mode, mtime, meta, link, externalProfile } = entry
  const head = {
    kind,
    ...(path === undefined ? {} : { path }),
    ...(mode === undefined ? {} : { mode }),
    ...(mtime === undefined ? {} : { mtime }),
    ...(meta === undefined ? {} : { meta }),
    ...(link === undefined ? {} : { link }),
    ...(externalProfile === undefined ? {} : { externalProfile }),
  }
  if (kind !== 'file') {
    await (await container.entry(head)).finish()
    return undefined
  }
  const codec = await codecOf(entry)
  const target = await container.entry({ ...head, codec: codec.id, version: codec.version })
  const { onProgress: _, ...quiet } = job
  const report = await encodeWith(codec, toSource(decodedBytes(entry, quiet)), target, choices, job)
  await target.finish()
  const named = path === undefined ? {} : { path }
  return { ...named, codec: codec.id, bytesIn: report.bytesIn, bytesOut: report.bytesOut }
}
