import { stat } from 'node:fs/promises'
import {
  type CommandContext,
  type EntryReader,
  type FileSink,
  PithError,
  type PreviousEntry,
  toSource,
} from '@pith/core'
import {
  accessOfFile,
  type ContainerEntryWriter,
  createContainer,
  type FileContainerWriter,
  openContainer,
  openForAppend,
} from '@pith/core/container'
import { fileSink, inputSource } from '@pith/core/node'
import { parseDuration } from '../command/sizes.ts'
import type { CompressPlan } from '../verbs/compress.ts'
import { pickCodec } from './encode-entry.ts'
import { gather } from './gather.ts'
import { codecOf, shownName } from './open-file.ts'
import { PieceWriter } from './piece-writer.ts'
import { showWritten } from './show-written.ts'
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
    const bytesOut = totals.bytes - before
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
    const wrapper = plan.unwrap && every === undefined ? await wrapperAround(given) : undefined
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
    const codec = held === undefined ? await pickCodec(source, plan.choices) : await codecOf(held)
    const entry: ContainerEntryWriter =
      held === undefined
        ? await container.entry({ codec: codec.id, version: codec.version })
        : await container.continueEntry(held.id)
    const previous = held === undefined ? undefined : await previousOf(held)
    const pieces = new PieceWriter(codec, entry, plan.choices, plan.run, previous)
    const bytesIn = await pieces.writeAll(source, every)
    await entry.finish()
    return { codec: codec.id, bytesIn, bytesOut: pieces.bytesOut }
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

/** The first entry of the file: the one without a name goes on, others make it an archive. */
async function heldEntry(container: FileContainerWriter, file: FileSink): Promise<EntryReader | undefined> {
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
