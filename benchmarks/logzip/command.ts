/** The pith command as a whole process. */
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Cost, mustRun } from '../measure/process.ts'

export const LEVELS = ['fast', 'default', 'max'] as const
export type Level = (typeof LEVELS)[number]

/** Flags of `pith compress` besides the level. */
export interface CompressFlags {
  readonly threads?: number
  readonly chunk?: string
}

/** The command lines of one build of pith. */
export class PithCommand {
  readonly #start: readonly string[]

  constructor(start: readonly string[]) {
    this.#start = start
  }

  line(...words: string[]): string[] {
    return [...this.#start, ...words]
  }

  compress(file: string, out: string, level: Level, flags: CompressFlags = {}): string[] {
    const threads = flags.threads === undefined ? [] : ['--threads', String(flags.threads)]
    const chunk = flags.chunk === undefined ? [] : ['--chunk', flags.chunk]
    return this.line('compress', '--quiet', '--force', '--level', level, ...threads, ...chunk, '-o', out, file)
  }

  decompress(file: string, out: string, threads?: number): string[] {
    const count = threads === undefined ? [] : ['--threads', String(threads)]
    return this.line('decompress', '--quiet', '--force', ...count, '-o', out, file)
  }

  /** Compress and give the size. */
  async sizeOf(
    file: string,
    out: string,
    level: Level,
    flags: CompressFlags = {},
  ): Promise<{ bytes: number; cost: Cost }> {
    const cost = await mustRun(this.compress(file, out, level, flags))
    return { bytes: statSync(out).size, cost }
  }
}

/** A folder below the cache, made if need be. */
export function cacheFolder(cache: string, name: string): string {
  const folder = join(cache, name)
  mkdirSync(folder, { recursive: true })
  return folder
}
