import { stat } from 'node:fs/promises'
import {
  type Codec,
  type CommandContext,
  type EntryReader,
  type FileSink,
  PithError,
  type PreviousEntry,
  type Source,
  toSource,
} from '@pith/core'
import {
  accessOfFile,
  type ContainerEntry,
  type ContainerEntryWriter,
  createContainer,
  type FileContainerWriter,
  openContainer,
  openForAppend,
} from '@pith/core/container'
import { fileSink, inputSource } from '@pith/core/node'
import { parseDuration } from '../command/sizes.ts'
import type { CompressPlan } from '../verbs/compress.ts'
import { codingRun, HEAD_BYTES, pickCodec } from './encode-entry.ts'
import { gather } from './gather.ts'
import { makeGrowable } from './growable.ts'
import { codecOf, shownName } from './open-file.ts'
import { PieceWriter } from './piece-writer.ts'
import { showWritten } from './show-written.ts'
import { feed, SlowInput } from './slow-input.ts'
import { damageIn } from './unwrap.ts'
import { innerSource, wrapperAround } from './wrapped-source.ts'
import { addItems, type WrittenEntry } from './write-container.ts'

export interface AppendChoices {
  /** Whether the inputs make an archive: several, or a folder. */
  readonly archive: boolean
  /** Whether the output keeps what it holds. */
  readonly append: boolean
  /** How often what came in is made durable. */
  readonly flush: string | undefined
}

/** Write in place: add to a file, or make what came in durable from time to time. */
export async function append(plan: CompressPlan, choices: AppendChoices, context: CommandContext): Promise<number> {
  const started = performance.now()
  const every = choices.flush === undefined ? undefined : parseDuration(choices.flush, '--flush')
  if (every !== undefined && choices.archive) {
    throw new PithError('PITH_ARG', '--flush takes one file or stdin', { hint: 'Compress each input on its own.' })
  }
  const output = outputOf(plan)
  // Whoever stops a stream that is flushed wants what came in: it is written, and the file is whole.
  const cancel = every === undefined ? { signal: context.signal } : {}
  const file = await openOutput(output, plan, choices, cancel)
  let container: FileContainerWriter
  try {
    container =
      file.size === 0
        ? createContainer(file, { ...cancel, solo: false })
        : await openForAppend(file, { ...cancel, limits: plan.run.limits ?? {} })
  } catch (error) {
    await file.abort(error)
    throw error
  }
  const before = container.totals.bytes
  try {
    const entries = choices.archive
      ? await addItems(container, await gather(plan.paths, (line) => context.note(line)), plan, context)
      : [await appendOne(plan, container, file, every, context)]
    const totals = await container.finish()
    const bytesIn = entries.reduce((sum, entry) => sum + entry.bytesIn, 0)
    // What was written earlier may have become smaller.
    const bytesOut = Math.max(0, totals.bytes - before)
    context.signal.throwIfAborted()
    await showWritten({ output, bytesIn, bytesOut, ms: performance.now() - started, entries }, context)
    return 0
  } catch (error) {
    await container.abort(error)
    throw error
  }
}

function outputOf(plan: CompressPlan): string {
  const [path] = plan.paths
  const output = plan.output ?? (plan.paths.length === 1 && path !== '-' ? `${path}.pith` : undefined)
  if (output !== undefined && output !== '-') return output
  throw new PithError('PITH_ARG', '--append and --flush need a file to write to', { hint: 'Add -o NAME.pith.' })
}

async function openOutput(
  output: string,
  plan: CompressPlan,
  choices: AppendChoices,
  cancel: { signal?: AbortSignal },
): Promise<FileSink> {
  const exists = (await stat(output).catch(() => undefined)) !== undefined
  if (choices.append && exists) await makeGrowable(output, cancel)
  if (choices.append || !exists) return await fileSink(output, { mode: 'either', ...cancel })
  if (!plan.force) return await fileSink(output, { mode: 'create', ...cancel })
  const file = await fileSink(output, { mode: 'open', ...cancel })
  await file.truncate(0)
  return file
}

async function appendOne(
  plan: CompressPlan,
  container: FileContainerWriter,
  file: FileSink,
  every: number | undefined,
  context: CommandContext,
): Promise<WrittenEntry> {
  const path = plan.paths[0]!
  const { signal } = context
  const input = path === '-' ? undefined : await inputSource(path, { signal })
  const given = input ?? toSource(context.stdin(), { signal })
  try {
    const wrapper =
      plan.unwrap && every === undefined ? await wrapperAround(given, (line) => context.note(line)) : undefined
    if (wrapper !== undefined) {
      await context.note(`${shownName(path)} is packed with ${wrapper} and is unpacked first (--no-unwrap keeps it)`)
    }
    const source = wrapper === undefined ? given : innerSource(wrapper, given)
    const held = await heldEntry(container, file)
    if (held !== undefined && held.path !== undefined) {
      const [item] = path === '-' ? [] : await gather([path], (line) => context.note(line))
      if (item === undefined) {
        throw new PithError('PITH_ARG', 'stdin has no name for its place in the archive', { hint: 'Append a file.' })
      }
      const [entry] = await addItems(container, [item], plan, context)
      return entry!
    }
    const slow = every === undefined ? undefined : { input: new SlowInput(source.stream(), signal), every }
    const codec =
      held === undefined
        ? await pickCodec(slow ? await headOf(source, slow) : source, plan.choices)
        : await codecOf(held)
    const entry: ContainerEntryWriter =
      held === undefined
        ? await container.entry({ codec: codec.id, version: codec.version })
        : await container.continueEntry(held.id)
    // From now on a crash leaves a file that can be appended to.
    if (held === undefined && slow !== undefined) await container.commit()
    const bytes = await fill({ codec, entry, held, source, slow, plan })
    await entry.finish()
    return { codec: codec.id, ...bytes }
  } catch (error) {
    // Nothing was committed, so the file stays as it was.
    const damage = damageIn(error)
    if (damage === undefined) throw error
    throw new PithError('PITH_CORRUPT', `${shownName(path)} cannot be unpacked: ${damage.message}`, {
      hint: 'Add --no-unwrap to append it as it is.',
      cause: error,
    })
  } finally {
    await input?.close()
  }
}

interface Filling {
  readonly codec: Codec
  readonly entry: ContainerEntryWriter
  readonly held: ContainerEntry | undefined
  readonly source: Source
  /** The same source, where it is flushed from time to time. */
  readonly slow: { readonly input: SlowInput; readonly every: number } | undefined
  readonly plan: CompressPlan
}

/** Write the input to its entry. Where a flushed input is interrupted, what came in by then is written. */
async function fill(job: Filling): Promise<Pick<WrittenEntry, 'bytesIn' | 'bytesOut'>> {
  const { codec, entry, held, source, slow, plan } = job
  const { signal: _, onProgress: __, ...unstopped } = plan.run
  const run = slow === undefined ? await codingRun(plan.run, source) : unstopped
  if (codec.id === 'logzip' && (slow !== undefined || held !== undefined)) {
    const { LogAppender } = await import('@pith/text/logzip')
    const log = await LogAppender.open(entry, { ...plan.choices, ...run }, held)
    try {
      if (slow !== undefined) await feed(slow.input, slow.every, log)
      else await log.writeAll(source)
      await log.close()
    } catch (error) {
      await log.abort()
      throw error
    }
    return { bytesIn: log.bytesIn, bytesOut: Math.max(0, log.bytesOut) }
  }
  const previous = held === undefined ? undefined : await previousOf(held)
  const pieces = new PieceWriter(codec, entry, plan.choices, slow === undefined ? plan.run : unstopped, previous)
  const bytesIn = slow === undefined ? await pieces.writeAll(source) : await feed(slow.input, slow.every, pieces)
  if (slow !== undefined) await pieces.close()
  return { bytesIn, bytesOut: pieces.bytesOut }
}

/** What tells the codec of an input that comes in slowly: a quiet one may take hours for as much as others are asked for. */
async function headOf({ name }: Source, { input, every }: NonNullable<Filling['slow']>): Promise<Source> {
  return toSource(await input.head(HEAD_BYTES, every), name === undefined ? {} : { name })
}

/** The first entry of the file: the one without a name goes on, others make it an archive. */
async function heldEntry(container: FileContainerWriter, file: FileSink): Promise<ContainerEntry | undefined> {
  if (container.totals.entries === 0) return undefined
  const opened = await openContainer(accessOfFile(file))
  for await (const entry of opened.entries()) return entry
  return undefined
}

async function previousOf(entry: EntryReader): Promise<PreviousEntry> {
  const summary = await entry.summary()
  const payload = await entry.profile()
  const sections: Record<string, { blocks: number; nextKey: number }> = {}
  for (const name of await entry.sections()) {
    const rows = (await entry.blocks(name)).filter((row) => row.variant === 0)
    sections[name] = { blocks: rows.length, nextKey: rows.at(-1)?.keys?.[1] ?? 0 }
  }
  const version = 'profileVersion' in entry ? Number(entry.profileVersion) : 0
  return {
    rawBytes: entry.rawBytes,
    sections,
    ...(summary === undefined ? {} : { summary: summary.slice() }),
    ...(payload === undefined ? {} : { profile: { version, payload: payload.slice() } }),
  }
}
