/** What the verbs of indexes share: opened indexes, documents of paths, choices. */
import { type Arguments, type CommandContext, LIMITS, numberOf, parseSize, type Run } from '@pith/core'
import { type CollectionOptions, openCollection } from '../readers/node/index.ts'
import type { IndexReader } from '../store/index.ts'
import { openIndex } from '../store/node/index.ts'
import type { IndexDocument } from '../types.ts'
import { encodersOf } from './encoders.ts'

/** Documents that are handed on at once. */
const BATCH = 256

/** The operand that names an index. */
export function indexOf(args: Arguments): string {
  return args.operands[0] as string
}

/** Cancellation, progress and limits as the options say. @throws PithError `PITH_ARG` */
export function runOf(args: Arguments, context: CommandContext): Run {
  return {
    signal: context.signal,
    onProgress: (progress) => context.onProgress(progress),
    ...(args.has('threads') ? { threads: numberOf(args, 'threads', 1, 256, true) } : {}),
    ...(args.has('seed') ? { seed: numberOf(args, 'seed', 0, Number.MAX_SAFE_INTEGER, true) } : {}),
    ...(args.has('memory') ? { limits: { memoryBytes: memoryOf(args) } } : {}),
  }
}

/** Bytes that --memory allows. @throws PithError `PITH_ARG` */
export function memoryOf(args: Arguments): number {
  const text = args.value('memory')
  return text === undefined ? LIMITS.default.memoryBytes : parseSize(text, '--memory')
}

/** Do something with an opened index: a folder, a file, or the address of a file. */
export async function withIndex<T>(
  args: Arguments,
  context: CommandContext,
  use: (reader: IndexReader) => Promise<T>,
): Promise<T> {
  const own = runOf(args, context)
  const encoders = await encodersOf(args, own)
  let reader: IndexReader | undefined
  try {
    reader = await openIndex(indexOf(args), { ...openOptionsOf(args), ...encoders.given }, own)
    for (const warning of reader.info.warnings) await context.note(warning)
    for (const { error } of reader.info.damaged) await context.note(`left out: ${error.message}`)
    return await use(reader)
  } finally {
    await reader?.close()
    await encoders.close()
  }
}

/** How an index is opened, as the options say. */
function openOptionsOf(args: Arguments): { allowPartial: boolean; cacheBytes?: number } {
  const allowPartial = args.has('allow-partial')
  return args.has('memory') ? { allowPartial, cacheBytes: memoryOf(args) } : { allowPartial }
}

/** How files become documents, as the options say. */
export function readingOf(args: Arguments): CollectionOptions {
  const texts = args.values('text-field')
  const named = (option: string): string | undefined => args.value(option)
  const all: Record<string, unknown> = {
    format: named('format'),
    idField: named('id-field'),
    titleField: named('title-field'),
    textField: texts.length === 0 ? undefined : texts.length === 1 ? texts[0] : texts,
    vectorField: named('vector-field'),
    sparseField: named('sparse-field'),
    vectors: named('vectors'),
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as CollectionOptions
}

/** The documents of all paths, some at a time. */
export async function* documentsOf(
  paths: readonly string[],
  args: Arguments,
  run: Run,
): AsyncGenerator<IndexDocument[], void, undefined> {
  let batch: IndexDocument[] = []
  for (const path of paths) {
    const collection = await openCollection(path, readingOf(args))
    for await (const document of collection.documents(run)) {
      batch.push(document)
      if (batch.length < BATCH) continue
      yield batch
      batch = []
    }
  }
  if (batch.length > 0) yield batch
}

/** Names in an option such as `lang,year`. */
export function namesOf(args: Arguments, option: string): string[] {
  return (args.value(option) ?? '').split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()]))
}

/** An amount of documents in words. */
export function documents(count: number): string {
  return count === 1 ? '1 document' : `${count} documents`
}
