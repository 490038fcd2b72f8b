import { basename } from 'node:path'
import {
  type Codec,
  type CommandContext,
  type EntryReader,
  isPithError,
  type Limits,
  PithError,
  type RandomAccess,
  type Reader,
  type ReadRun,
  type Source,
  toSource,
} from '@pith/core'
import { type Container, type ContainerEntry, openContainer } from '@pith/core/container'
import { type FileSource, inputSource } from '@pith/core/node'
import { plural } from '../command/plural.ts'
import { placeText } from '../command/show-error.ts'
import { codecs } from '../systems/codecs.ts'
import { readingRun } from './encode-entry.ts'
import { createSpool, type Spool } from './spool.ts'

/** An opened .pith file and what it is read from; closing it closes both. */
export interface OpenedFile {
  readonly path: string
  readonly container: Container
  readonly access: RandomAccess
  close(): Promise<void>
}

/** How many bytes at the start tell a .pith file. */
export const MAGIC_BYTES = 8
const MAGIC = [0x89, 0x50, 0x54, 0x48, 0x0d, 0x0a, 0x1a, 0x0a]

/** Whether a file that starts so is a .pith file. */
export function isPithFile(head: Uint8Array): boolean {
  return head.length >= MAGIC_BYTES && MAGIC.every((byte, at) => head[at] === byte)
}

/** Any input of a verb: a file, a pipe, or stdin where `path` is `-`. */
export async function openInput(path: string, context: CommandContext): Promise<Source & { close(): Promise<void> }> {
  const { signal } = context
  if (path !== '-') return await inputSource(path, { signal })
  return { ...toSource(context.stdin(), { signal }), close: async () => undefined }
}

/** Random access to a file; what can only be read once, such as stdin, is kept on disk for it. */
export async function openAccess(
  path: string,
  context: CommandContext,
): Promise<RandomAccess & { close(): Promise<void> }> {
  const source = await openInput(path, context)
  if (isAccess(source)) return source
  try {
    return await spooled(source.stream(), context)
  } finally {
    await source.close()
  }
}

async function spooled(chunks: AsyncIterable<Uint8Array>, context: CommandContext): Promise<Spool> {
  const spool = await createSpool()
  try {
    for await (const chunk of chunks) {
      context.signal.throwIfAborted()
      await spool.write(chunk)
    }
    return spool
  } catch (error) {
    await spool.close()
    throw error
  }
}

function isAccess(source: Source): source is FileSource {
  return 'read' in source
}

/**
 * Open a .pith file, or stdin where `path` is `-`.
 *
 * @throws PithError what {@link openContainer} throws, with the path in its message; `PITH_IO`
 */
export async function openFile(
  path: string,
  context: CommandContext,
  limits: Partial<Limits> = {},
): Promise<OpenedFile> {
  return await openOver(await openAccess(path, context), path, context, limits)
}

/** As {@link openFile}, where the start of the source was looked at already; the source is closed with the file. */
export async function openSource(
  source: Source & { close(): Promise<void> },
  path: string,
  context: CommandContext,
  limits: Partial<Limits> = {},
): Promise<OpenedFile> {
  const access = isAccess(source) ? source : await spooled(source.stream(), context)
  return await openOver(access, path, context, limits)
}

async function openOver(
  access: RandomAccess & { close(): Promise<void> },
  path: string,
  context: CommandContext,
  limits: Partial<Limits>,
): Promise<OpenedFile> {
  try {
    const container = await openContainer(access, { limits, signal: context.signal })
    const state = stateOf(container)
    if (state !== undefined) await context.note(`${shownName(path)} ${state} (pith verify tells more)`)
    return { path, container, access, close: () => container.close() }
  } catch (error) {
    await access.close()
    throw inFile(path, error)
  }
}

/** What is to be known of a file that is not whole before it is read. */
function stateOf({ damage, uncommittedBytes, form, commit }: Container): string | undefined {
  const behind = `${plural(uncommittedBytes, 'byte')} behind its last commit left out`
  if (damage === undefined) return uncommittedBytes === 0 ? undefined : `is being written or was cut: ${behind}`
  const what = `is damaged: ${damage.code}${placeText(damage.at)}`
  if (form === 'solo') return what
  const earlier = `commit ${commit} is read instead of a later one`
  return `${what}, ${earlier}${uncommittedBytes > 0 ? `, ${behind}` : ''}`
}

/** Errors that name their file. */
const placed = new WeakSet<object>()

/** An error with the file that it is about. */
export function inFile(path: string, error: unknown): unknown {
  if (!isPithError(error) || error.code === 'PITH_IO' || placed.has(error)) return error
  if (error.message.startsWith(shownName(path))) return error
  const { hint, at } = error
  const named = new PithError(error.code, `${shownName(path)}: ${error.message}`, {
    ...(hint === undefined ? {} : { hint }),
    ...(at === undefined ? {} : { at }),
    cause: error,
  })
  placed.add(named)
  return named
}

/** How a file is called in messages. */
export function shownName(path: string): string {
  return path === '-' ? 'stdin' : path
}

/** The name of what a file holds: its own without .pith; undefined where it does not end so. */
export function heldName(path: string): string | undefined {
  return /.\.pith$/i.test(basename(path)) ? path.slice(0, -'.pith'.length) : undefined
}

/**
 * Entries of a file in its order, or the one that is named.
 *
 * @throws PithError `PITH_ARG` there is none of that name
 */
export async function entriesOf(file: OpenedFile, name: string | undefined): Promise<ContainerEntry[]> {
  const { container } = file
  if (name === undefined) {
    const entries: ContainerEntry[] = []
    for await (const entry of container.entries()) entries.push(entry)
    return entries
  }
  const entry = await container.entry(name)
  if (entry !== undefined) return [entry]
  throw new PithError('PITH_ARG', `${shownName(file.path)} holds no entry ${name.slice(0, 80)}`, {
    hint: `See pith list ${shownName(file.path)}.`,
  })
}

/** Only the entries that hold bytes. */
export function filesAmong(entries: readonly ContainerEntry[]): ContainerEntry[] {
  return entries.filter((entry) => entry.kind === 'file')
}

/** The codec of an entry. @throws PithError `PITH_UNKNOWN_CODEC` · `PITH_VERSION` */
export async function codecOf(entry: EntryReader): Promise<Codec> {
  const codec = await codecs().load('codec', entry.codec)
  if (entry.codecVersion > codec.version) {
    throw new PithError('PITH_VERSION', `the entry needs version ${entry.codecVersion} of ${entry.codec}`, {
      hint: 'Use a newer version of pith.',
    })
  }
  return codec
}

/** The reader of an entry; undefined where its codec has none. */
export async function openReader(
  entry: EntryReader,
  run: ReadRun,
): Promise<{ reader: Reader; run: ReadRun } | undefined> {
  const codec = await codecOf(entry)
  const own = readingRun(run, entry.rawBytes)
  const reader = await codec.open?.(entry, own)
  return reader === undefined ? undefined : { reader, run: own }
}

/** The decoded bytes of an entry; their number is checked, what a run with `onDamage` leaves out included. */
export async function* decodedBytes(entry: EntryReader, run: ReadRun): AsyncGenerator<Uint8Array> {
  const codec = await codecOf(entry)
  const { onDamage } = run
  let length = 0
  const counted: Pick<ReadRun, 'onDamage'> =
    onDamage === undefined
      ? {}
      : {
          onDamage(part) {
            length += part.rawBytes
            onDamage(part)
          },
        }
  for await (const bytes of codec.decode(entry, { ...readingRun(run, entry.rawBytes), ...counted })) {
    length += bytes.length
    yield bytes
  }
  if (length !== entry.rawBytes) {
    throw new PithError('PITH_CORRUPT', `${length} bytes were decoded, the entry declares ${entry.rawBytes}`, {
      at: entry.path === undefined ? {} : { entry: entry.path },
    })
  }
}

/** As {@link decodedBytes}, for who needs no chunk once the next is asked for: its memory goes at once. */
export async function* spentBytes(entry: EntryReader, run: ReadRun): AsyncGenerator<Uint8Array> {
  for await (const bytes of decodedBytes(entry, run)) {
    yield bytes
    // A view may be of what others read.
    if (bytes.buffer instanceof ArrayBuffer && bytes.length === bytes.buffer.byteLength) bytes.buffer.transfer(0)
  }
}
