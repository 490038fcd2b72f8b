/** Values as files of one folder, which several processes may use at the same time. */
import { chmod, mkdir, readdir, readFile, rm, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { isPithError, PithError, type Run, throwIfAborted } from '@pith/core'
import { acquireLock, fileError, systemCode, writeAtomic } from '@pith/core/node'
import { isValueName, type Removed, type StoreTier, type TierValue } from '../tier.ts'
import { MOST_VALUE_BYTES } from '../value.ts'
import { UseJournal } from './use-journal.ts'

/** Part of the allowed size that is left behind an eviction, so that not every write is followed by one. */
const KEPT = 0.9

/** What of the allowed size may be written until the folder is counted again: others write as well. */
const RECOUNT = 1 / 16

const SUFFIX = '.pith'

/** How a folder is used. */
export interface DiskTierOptions {
  /** Bytes of all values. What was not used for longest is thrown away, ends of texts before their beginnings. Default 4 GB. */
  readonly maxBytes?: number
}

/**
 * Keep values in a folder: `ab/cdef….coder.pith`, readable by their owner only. It is made when something is first put into it.
 *
 * @throws PithError `PITH_ARG` a size that is none
 */
export function diskTier(folder: string, options: DiskTierOptions = {}): StoreTier {
  return new DiskTier(folder, options.maxBytes ?? 4e9)
}

class DiskTier implements StoreTier {
  readonly title: string
  readonly #folder: string
  readonly #maxBytes: number
  #journal: Promise<UseJournal> | undefined
  /** Bytes in the folder when it was last counted, and written since. */
  #counted: number | undefined
  #written = 0

  constructor(folder: string, maxBytes: number) {
    if (!(maxBytes >= 0)) throw new PithError('PITH_ARG', `maxBytes must be 0 or more, got ${maxBytes}`)
    this.title = `the folder ${folder}`
    this.#folder = folder
    this.#maxBytes = maxBytes
  }

  has(names: readonly string[]): Promise<boolean[]> {
    return Promise.all(names.map((name) => this.#try(name, async (path) => (await stat(path)).isFile(), false)))
  }

  get(name: string, { signal }: Pick<Run, 'signal'> = {}): Promise<Uint8Array | undefined> {
    return this.#try(
      name,
      async (path) => {
        const { size } = await stat(path)
        if (size > MOST_VALUE_BYTES) throw new PithError('PITH_LIMIT', `${path} has ${size} bytes`)
        const bytes = await readFile(path, signal === undefined ? {} : { signal })
        return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
      },
      undefined,
    )
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    const path = this.#path(name)
    await this.#makeFolder(join(this.#folder, name.slice(0, 2)))
    await writeAtomic(path, bytes, { force: true, mode: 0o600 })
    this.#written += bytes.length
    const total = (this.#counted ?? Number.POSITIVE_INFINITY) + this.#written
    if (total > this.#maxBytes || this.#written > this.#maxBytes * RECOUNT) await this.#evict()
  }

  async touch(names: readonly string[]): Promise<void> {
    await (await this.#openJournal()).use(names)
  }

  remove(name: string): Promise<boolean> {
    return this.#try(name, async (path) => unlink(path).then(() => true), false)
  }

  async *list({ signal }: Pick<Run, 'signal'> = {}): AsyncGenerator<TierValue, void, undefined> {
    for (const { name, parts } of await this.#folders()) {
      throwIfAborted(signal)
      for (const part of parts.sort()) {
        if (!part.endsWith(SUFFIX)) continue
        const value = name + part.slice(0, -SUFFIX.length)
        if (!isValueName(value)) continue
        const bytes = await this.#try(value, async (path) => (await stat(path)).size, undefined)
        if (bytes !== undefined) yield { name: value, bytes }
      }
    }
  }

  async gc(): Promise<Removed> {
    const left = await this.#removeLeftOvers()
    const evicted = await this.#evict()
    return { values: evicted.values, bytes: left + evicted.bytes }
  }

  async close(): Promise<void> {
    const journal = this.#journal
    this.#journal = undefined
    await (await journal?.catch(() => undefined))?.close()
  }

  #path(name: string): string {
    if (!isValueName(name)) throw new PithError('PITH_ARG', `no value is called ${name.slice(0, 80)}`)
    return join(this.#folder, name.slice(0, 2), `${name.slice(2)}${SUFFIX}`)
  }

  /** Do something to a file; `otherwise` where there is none. */
  async #try<T>(name: string, work: (path: string) => Promise<T>, otherwise: T): Promise<T> {
    const path = this.#path(name)
    try {
      return await work(path)
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return otherwise
      throw fileError(error, path)
    }
  }

  async #makeFolder(path: string): Promise<void> {
    try {
      const made = await mkdir(path, { recursive: true, mode: 0o700 })
      if (made !== undefined) await chmod(path, 0o700)
    } catch (error) {
      throw fileError(error, path)
    }
  }

  #openJournal(): Promise<UseJournal> {
    if (this.#journal === undefined) {
      const opened = this.#makeFolder(this.#folder).then(() => UseJournal.open(this.#folder))
      opened.catch(() => {
        if (this.#journal === opened) this.#journal = undefined
      })
      this.#journal = opened
    }
    return this.#journal
  }

  /** The folders of values and what stands in them. */
  async #folders(): Promise<{ name: string; parts: string[] }[]> {
    const names = await readdir(this.#folder).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return []
      throw fileError(error, this.#folder)
    })
    const own = names.filter((name) => /^[0-9a-f]{2}$/.test(name)).sort()
    return await Promise.all(
      own.map(async (name) => ({ name, parts: await readdir(join(this.#folder, name)).catch(() => []) })),
    )
  }

  /** Throw away what was not used for longest, where there is too much. One process does it at a time. */
  async #evict(): Promise<Removed> {
    const lock = await acquireLock(join(this.#folder, 'evict')).catch((error: unknown) => {
      // Another one is at it, or there is no folder yet.
      if (isPithError(error)) return undefined
      throw error
    })
    if (lock === undefined) return { values: 0, bytes: 0 }
    try {
      const values: TierValue[] = []
      let total = 0
      for await (const value of this.list()) {
        values.push(value)
        total += value.bytes
      }
      let removed: Removed = { values: 0, bytes: 0 }
      const journal = await this.#openJournal()
      const clocks = await journal.read()
      if (total > this.#maxBytes) {
        const clockOf = ({ name }: TierValue): number => clocks.get(name) ?? 0
        values.sort((a, b) => clockOf(a) - clockOf(b) || (a.name < b.name ? -1 : 1))
        for (const { name, bytes } of values) {
          if (total <= this.#maxBytes * KEPT) break
          await this.remove(name)
          clocks.delete(name)
          total -= bytes
          removed = { values: removed.values + 1, bytes: removed.bytes + bytes }
        }
      }
      const names = new Set(values.map(({ name }) => name))
      await journal.shorten(clocks, (name) => names.has(name))
      this.#counted = total
      this.#written = 0
      return removed
    } finally {
      await lock.release()
    }
  }

  /** Remove files of writers that were killed. @returns bytes */
  async #removeLeftOvers(): Promise<number> {
    let bytes = 0
    for (const { name, parts } of await this.#folders()) {
      for (const part of parts) {
        const pid = Number(/[.]tmp-(\d{1,10})-\d+$/.exec(part)?.[1] ?? Number.NaN)
        if (Number.isNaN(pid) || isAlive(pid)) continue
        const path = join(this.#folder, name, part)
        bytes += await stat(path).then(
          ({ size }) => size,
          () => 0,
        )
        await rm(path, { force: true })
      }
    }
    return bytes
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return systemCode(error) !== 'ESRCH'
  }
}
