import { type Arguments, type CommandContext, type EntryReader, PithError, type ReadRun } from '@pith/core'
import { runOf } from '../command/run-options.ts'
import { Damages } from '../input/damages.ts'
import { lineRange, linesOfStream } from '../input/line-range.ts'
import { decodedBytes, entriesOf, filesAmong, inFile, openFile, openReader } from '../input/open-file.ts'
import { isLogReader } from '../systems/log-reader.ts'

/** Exit code where parts are missing in what was printed. */
const MISSING = 2

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const job = runOf(args, context)
  const text = args.value('lines')
  const range = text === undefined ? undefined : lineRange(text)
  const damages = new Damages(context)
  for (const path of args.operands) {
    const file = await openFile(path, context, job.limits)
    try {
      const files = filesAmong(await entriesOf(file, args.value('entry')))
      if (range !== undefined && files.length > 1) {
        throw new PithError('PITH_ARG', `${path} holds ${files.length} files, and --lines is about one`, {
          hint: 'Name one with --entry.',
        })
      }
      for (const entry of files) {
        for await (const bytes of bytesOf(entry, damages.in(job, file))) {
          await damages.tell()
          await context.stdout.write(bytes)
        }
        await damages.tell()
      }
    } catch (error) {
      throw inFile(path, error)
    } finally {
      await file.close()
    }
  }
  return damages.any ? MISSING : 0

  async function* bytesOf(entry: EntryReader, run: ReadRun): AsyncGenerator<Uint8Array> {
    // Progress would be drawn between the lines.
    const { onProgress: _, ...quiet } = run
    if (range === undefined) {
      yield* decodedBytes(entry, quiet)
      return
    }
    const opened = await openReader(entry, quiet)
    try {
      if (opened !== undefined && isLogReader(opened.reader)) {
        const { reader, run: own } = opened
        yield* reader.read(Math.min(range.from, reader.lines), Math.min(range.to, reader.lines), own)
      } else {
        yield* linesOfStream(decodedBytes(entry, quiet), range)
      }
    } finally {
      await opened?.reader.close()
    }
  }
}
