import { stat, utimes } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import {
  type CommandContext,
  isPithError,
  PithError,
  type Report,
  type Run,
  type Sink,
  type Source,
  streamAccess,
  toSource,
} from '@pith/core'
import { type ContainerWriter, checkLink, createContainer } from '@pith/core/container'
import { fileSource } from '@pith/core/node'
import { type EncodeChoices, encodeWith, pickCodec } from './encode-entry.ts'
import { type Gathered, gather } from './gather.ts'
import { openInput } from './open-file.ts'
import { outputSink } from './output-sink.ts'
import { createSpool, type Spool } from './spool.ts'
import { damageIn, unwrappedName, type Wrapper } from './unwrap.ts'
import { innerSource, wrapperAround } from './wrapped-source.ts'

/** What was written. */
export interface Written {
  readonly output: string
  readonly bytesIn: number
  /** Bytes of the whole file. */
  readonly bytesOut: number
  readonly ms: number
  readonly entries: readonly WrittenEntry[]
  readonly unwrapped?: Wrapper
  readonly lines?: number
}

export interface WrittenEntry {
  readonly path?: string
  readonly codec: string
  readonly bytesIn: number
  /** Bytes of its blocks. */
  readonly bytesOut: number
}

export interface WriteJob {
  readonly paths: readonly string[]
  /** Undefined leaves it to the input: beside it, or stdout for stdin. */
  readonly output: string | undefined
  readonly choices: EncodeChoices
  readonly run: Run & { signal: AbortSignal }
  readonly force: boolean
  readonly unwrap: boolean
}

/** Write one input to a container without a name. */
export async function writeSingle(job: WriteJob, context: CommandContext): Promise<Written> {
  const path = job.paths[0]!
  const source = await openInput(path, context)
  try {
    const wrapper =
      job.unwrap && job.choices.method === undefined
        ? await wrapperAround(source, (line) => context.note(line))
        : undefined
    if (wrapper === undefined) return await writeSource(job, source, context)
    const shown = path === '-' ? 'stdin' : path
    await context.note(`${shown} is packed with ${wrapper} and is unpacked first (--no-unwrap keeps it)`)
    return await writeUnwrapped(job, source, wrapper, context)
  } finally {
    await source.close()
  }
}

/** Write what is inside a wrapper, or the wrapper itself where it turns out to be damaged. */
async function writeUnwrapped(
  job: WriteJob,
  source: Source,
  wrapper: Wrapper,
  context: CommandContext,
): Promise<Written> {
  const path = job.paths[0]!
  const output = job.output ?? (path === '-' ? '-' : `${unwrappedName(path)}.pith`)
  // What passes only once is kept aside, so that there is a way back.
  const held = path === '-' ? await spooled(source) : undefined
  const input = held === undefined ? source : toSource(held)
  const result = output === '-' ? await createSpool() : undefined
  try {
    const sink = result === undefined ? undefined : spoolSink(result)
    const written = await writeSource({ ...job, output }, innerSource(wrapper, input), context, sink)
    if (result !== undefined) await copyOut(result, context)
    return { ...written, unwrapped: wrapper }
  } catch (error) {
    const damage = damageIn(error)
    if (damage === undefined) throw error
    await context.note(`${path === '-' ? 'stdin' : path} is kept as it is: ${damage.message}`)
    return await writeSource(job, input, context)
  } finally {
    await held?.close()
    await result?.close()
  }
}

async function writeSource(job: WriteJob, source: Source, context: CommandContext, to?: Sink): Promise<Written> {
  const started = performance.now()
  const path = job.paths[0]!
  const output = job.output ?? (path === '-' ? '-' : `${path}.pith`)
  await refuseInputAsOutput([path], output)
  const codec = await pickCodec(source, job.choices)
  const info = path === '-' ? undefined : await stat(path)
  const sink =
    to ??
    (await outputSink(output, context, { force: job.force, mode: info?.isFile() ? info.mode & 0o777 : undefined }))
  const container = createContainer(sink, { signal: job.run.signal })
  try {
    const entry = await container.entry({ codec: codec.id, version: codec.version })
    const report = await encodeWith(codec, source, entry, job.choices, job.run)
    await entry.finish()
    const totals = await container.finish()
    if (info?.isFile() && output !== '-') await utimes(output, info.atime, info.mtime).catch(() => undefined)
    return {
      output,
      bytesIn: report.bytesIn,
      bytesOut: totals.bytes,
      ms: performance.now() - started,
      entries: [{ codec: codec.id, bytesIn: report.bytesIn, bytesOut: report.bytesOut }],
    }
  } catch (error) {
    await container.abort(error)
    throw error
  }
}

/** Write several inputs, or a folder, to an archive. */
export async function writeArchive(job: WriteJob & { output: string }, context: CommandContext): Promise<Written> {
  const started = performance.now()
  await refuseInputAsOutput(job.paths, job.output)
  const sink = await outputSink(job.output, context, { force: job.force })
  const container = createContainer(sink, { signal: job.run.signal })
  try {
    const items = await gather(job.paths, (line) => context.note(line))
    const entries = await addItems(container, await withoutOutput(items, job.output), job, context)
    const totals = await container.finish()
    const bytesIn = entries.reduce((sum, entry) => sum + entry.bytesIn, 0)
    return { output: job.output, bytesIn, bytesOut: totals.bytes, ms: performance.now() - started, entries }
  } catch (error) {
    await container.abort(error)
    throw error
  }
}

/** Add gathered files, folders and links to a container. */
export async function addItems(
  container: ContainerWriter,
  items: readonly Gathered[],
  job: Pick<WriteJob, 'choices' | 'run'>,
  context: CommandContext,
): Promise<WrittenEntry[]> {
  const total = items.reduce((sum, item) => sum + item.size, 0)
  let before = 0
  const run: Run & { signal: AbortSignal } = {
    ...job.run,
    onProgress: (progress) => job.run.onProgress?.({ ...progress, done: before + progress.done, total }),
  }
  const written: WrittenEntry[] = []
  for (const item of items) {
    job.run.signal.throwIfAborted()
    const { path, mode, mtime } = item
    if (item.kind === 'folder') {
      await (await container.entry({ kind: 'folder', path, mode, mtime })).finish()
    } else if (item.kind === 'link') {
      const link = item.link ?? ''
      if (!(await linkFits(path, link, context))) continue
      await (await container.entry({ kind: 'link', path, mtime, link })).finish()
    } else {
      const report = await addFile(container, item, { ...job, run })
      written.push({ path, codec: report.codec, bytesIn: report.bytesIn, bytesOut: report.bytesOut })
      before += item.size
    }
  }
  return written
}

async function addFile(
  container: ContainerWriter,
  item: Gathered,
  job: Pick<WriteJob, 'choices' | 'run'>,
): Promise<Report> {
  const source = await fileSource(item.place, job.run.signal === undefined ? {} : { signal: job.run.signal })
  try {
    const codec = await pickCodec(source, job.choices)
    const { path, mode, mtime } = item
    const entry = await container.entry({ codec: codec.id, version: codec.version, path, mode, mtime })
    const report = await encodeWith(codec, source, entry, job.choices, job.run)
    await entry.finish()
    return report
  } finally {
    await source.close()
  }
}

async function linkFits(path: string, link: string, context: CommandContext): Promise<boolean> {
  try {
    checkLink(path, link)
    return true
  } catch (error) {
    if (!isPithError(error, 'PITH_ARG')) throw error
    await context.note(`${error.message} and stays out`)
    return false
  }
}

async function refuseInputAsOutput(inputs: readonly string[], output: string): Promise<void> {
  if (output === '-') return
  const target = await stat(output).catch(() => undefined)
  for (const path of inputs) {
    if (path === '-' || target === undefined) continue
    const info = await stat(path).catch(() => undefined)
    if (info === undefined || info.ino !== target.ino || info.dev !== target.dev || !info.isFile()) continue
    throw new PithError('PITH_ARG', `${output} is the input itself`, { hint: 'Name another output.' })
  }
}

async function withoutOutput(items: readonly Gathered[], output: string): Promise<readonly Gathered[]> {
  if (output === '-') return items
  const place = join(resolve(dirname(output)), basename(output))
  return items.filter((item) => resolve(item.place) !== place)
}

async function spooled(source: Source): Promise<Spool> {
  const spool = await createSpool()
  try {
    for await (const chunk of source.stream()) await spool.write(chunk)
    return spool
  } catch (error) {
    await spool.close()
    throw error
  }
}

function spoolSink(spool: Spool): Sink {
  return { write: (bytes) => spool.write(bytes), close: async () => undefined, abort: async () => undefined }
}

async function copyOut(spool: Spool, context: CommandContext): Promise<void> {
  for await (const chunk of streamAccess(spool, { signal: context.signal })) await context.stdout.write(chunk)
}
