/** `pith index build`. */
import { rm } from 'node:fs/promises'
import { pid } from 'node:process'
import { type Arguments, type CommandContext, formatBytes, formatDuration, PithError, type Run } from '@pith/core'
import type { IndexInfo } from '../store/index.ts'
import { createIndex, exportIndex, openIndex } from '../store/node/index.ts'
import { encodersOf, type OwnEncoders } from './encoders.ts'
import { indexOptionsOf, noDocuments } from './index-options.ts'
import { documents, documentsOf, memoryOf, runOf } from './inputs.ts'
import { bytesAt, checkFree, putInPlace } from './places.ts'

/** Share of memory that documents may fill before they become a segment. */
const HELD = 8

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const out = outOf(args)
  await checkFree(out, args.has('force'))
  const start = performance.now()
  const own = runOf(args, context)
  // Nothing stands under the name before it is whole.
  const part = `${out}.part-${pid}`
  const file = `${out}.file-${pid}`
  try {
    await fill(part, args, own, context)
    const whole = args.has('single') ? await single(part, file, own) : part
    const { documents: count, settings } = await look(whole)
    const bytes = await bytesAt(whole)
    await putInPlace(whole, out)
    const ms = performance.now() - start
    if (context.json) await context.report({ index: out, documents: count, bytes, ms, settings })
    else if (!context.quiet) {
      await context.stdout.write(`${out}: ${documents(count)}, ${formatBytes(bytes)}, ${formatDuration(ms)}\n`)
    }
  } finally {
    await rm(part, { recursive: true, force: true })
    await rm(file, { force: true })
  }
  return 0
}

async function fill(path: string, args: Arguments, own: Run, context: CommandContext): Promise<void> {
  const encoders = await encodersOf(args, own)
  try {
    await fillWith(path, args, encoders, own, context)
  } finally {
    await encoders.close()
  }
}

async function fillWith(
  path: string,
  args: Arguments,
  { given }: OwnEncoders,
  own: Run,
  context: CommandContext,
): Promise<void> {
  const options = await indexOptionsOf(args, given, own)
  const flush = args.has('memory') ? { flushBytes: Math.max(2 ** 20, Math.round(memoryOf(args) / HELD)) } : {}
  const writer = await createIndex(path, { ...options, ...flush, durability: 'none' })
  let count = 0
  try {
    for await (const batch of documentsOf(args.operands, args, own)) {
      await writer.add(batch, own)
      count += batch.length
      context.onProgress({ stage: 'read', done: count, unit: 'rows' })
    }
    if (options.dense !== undefined) await writer.train(own)
    await writer.merge(own)
  } finally {
    await writer.close()
  }
  if (count === 0) throw noDocuments()
}

/** Write the index of a folder as one file. @returns its path */
async function single(folder: string, file: string, own: Run): Promise<string> {
  const index = await openIndex(folder, {}, own)
  try {
    await exportIndex(index, file, {}, own)
  } finally {
    await index.close()
  }
  return file
}

async function look(path: string): Promise<IndexInfo> {
  const index = await openIndex(path)
  const { info } = index
  await index.close()
  return info
}

/** @throws PithError `PITH_ARG` no --output */
function outOf(args: Arguments): string {
  const path = args.value('output')?.replace(/(?<=.)\/+$/, '')
  if (path !== undefined) return path
  throw new PithError('PITH_ARG', 'option --output is missing', { hint: 'Name the index: -o docs.pith.' })
}
