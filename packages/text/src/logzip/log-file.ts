/** A file that holds one log and grows. */
import { type FileSink, PithError, type Run } from '@pith/core'
import {
  accessOfFile,
  type ContainerEntry,
  createContainer,
  type FileContainerWriter,
  openContainer,
  openForAppend,
} from '@pith/core/container'
import { LogAppender } from './append.ts'
import { type LogzipOptions, logzipCodec } from './logzip.ts'

/** A file that one log is written to. */
export interface LogFile {
  /** @see LogAppender.write */
  write(bytes: Uint8Array): Promise<void>
  /** @see LogAppender.flush */
  flush(): Promise<boolean>
  /** Write everything that is left, commit it, and close the file. */
  close(): Promise<void>
  /** Give up: the file stays as the last commit left it. */
  abort(reason?: unknown): Promise<void>
}

/**
 * Go on with the log in a file, or start one in an empty file.
 *
 * @param file  closed by `close` and `abort`; see `fileSink` of `@pith/core/node`
 * @throws PithError `PITH_UNSUPPORTED` the file holds something else · what {@link LogAppender.open} throws
 * @example
 * const log = await openLogFile(await fileSink('app.log.pith', { mode: 'either' }))
 * await log.write(bytes)
 * await log.flush()
 */
export async function openLogFile(file: FileSink, options: LogzipOptions & Run = {}): Promise<LogFile> {
  let container: FileContainerWriter | undefined
  try {
    const cancel = options.signal === undefined ? {} : { signal: options.signal }
    const limits = options.limits === undefined ? {} : { limits: options.limits }
    container =
      file.size === 0
        ? createContainer(file, { ...cancel, solo: false })
        : await openForAppend(file, { ...cancel, ...limits })
    const own = container
    const held = own.totals.entries === 0 ? undefined : await firstEntry(file, limits)
    const entry =
      held === undefined
        ? await own.entry({ codec: logzipCodec.id, version: logzipCodec.version })
        : await own.continueEntry(held.id)
    // From now on a crash leaves a log that can be gone on with.
    if (held === undefined) await own.commit()
    const log = await LogAppender.open(entry, options, held)
    return {
      write: (bytes) => log.write(bytes),
      flush: () => log.flush(),
      async close() {
        await log.close()
        await entry.finish()
        await own.finish()
      },
      async abort(reason) {
        await log.abort()
        await own.abort(reason)
      },
    }
  } catch (error) {
    await (container ?? file).abort(error)
    throw error
  }
}

async function firstEntry(file: FileSink, options: Pick<Run, 'limits'>): Promise<ContainerEntry> {
  const container = await openContainer(accessOfFile(file), options)
  for await (const entry of container.entries()) {
    if (entry.codec === logzipCodec.id && container.totals.entries === 1) return entry
  }
  throw new PithError('PITH_UNSUPPORTED', 'the file holds something else than one log', {
    hint: 'See what it holds with: pith list FILE',
  })
}
