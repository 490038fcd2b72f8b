/** When chunks of a folder were last used, as far as its writers noted it: access times of file systems cannot be trusted. */
import { chmod, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ByteReader, ByteWriter, fromHex, isPithError, toHex } from '@pith/core'
import { type AppendLog, acquireLock, type Lock, openLog, readLog } from '@pith/core/node'
import { isValueName, valueName } from '../tier.ts'

/** Processes that note what they use at one time; others go without. */
const SLOTS = 32

/** Largest note, in chunks. */
const MOST_NAMES = 4096

/** Bytes of a journal from which on it is written anew. */
const LONG = 2 ** 20

/** Notes of one process. Each has a journal of its own; all of them are read together. */
export class UseJournal {
  readonly #folder: string
  readonly #longBytes: number
  #slot: { readonly path: string; readonly lock: Lock; log: AppendLog } | undefined
  #clock = 0

  private constructor(folder: string, longBytes: number) {
    this.#folder = folder
    this.#longBytes = longBytes
  }

  /** Take the first journal that no living process has. @throws PithError `PITH_IO` */
  static async open(folder: string, longBytes: number = LONG): Promise<UseJournal> {
    const journal = new UseJournal(folder, longBytes)
    for (let i = 0; i < SLOTS && journal.#slot === undefined; i++) {
      const path = pathOf(folder, i)
      const lock = await acquireLock(path.slice(0, -'.log'.length)).catch((error: unknown) => {
        if (isPithError(error, 'PITH_LOCKED')) return undefined
        throw error
      })
      if (lock === undefined) continue
      try {
        journal.#slot = { path, lock, log: await openOwn(path) }
      } catch (error) {
        await lock.release()
        throw error
      }
    }
    for (const clock of (await journal.read()).values()) journal.#clock = Math.max(journal.#clock, clock)
    return journal
  }

  /** Note that the chunks of one text were used: each counts as used later than those behind it. */
  async use(names: readonly string[]): Promise<void> {
    if (this.#slot === undefined) return
    for (let end = names.length; end > 0; end -= MOST_NAMES) {
      const part = names.slice(Math.max(0, end - MOST_NAMES), end)
      await this.#slot.log.append(writeNote(part, this.#clock + 1))
      this.#clock += part.length
    }
  }

  /** The clock of the last use of each chunk, over all journals. */
  async read(): Promise<Map<string, number>> {
    const clocks = new Map<string, number>()
    for (let i = 0; i < SLOTS; i++) {
      try {
        for await (const record of readLog(pathOf(this.#folder, i))) {
          for (const [name, clock] of readNote(record)) {
            if ((clocks.get(name) ?? -1) < clock) clocks.set(name, clock)
          }
        }
      } catch (error) {
        // What is damaged or gone only says less about the order.
        if (!isPithError(error)) throw error
      }
    }
    return clocks
  }

  /** Write a journal that became long anew, with what is still there. */
  async shorten(clocks: ReadonlyMap<string, number>, isThere: (name: string) => boolean): Promise<void> {
    const slot = this.#slot
    if (slot === undefined || slot.log.size < this.#longBytes) return
    await slot.log.close()
    await rm(slot.path, { force: true })
    slot.log = await openOwn(slot.path)
    const live = [...clocks].filter(([name]) => isThere(name)).sort(([, a], [, b]) => b - a)
    let run: string[] = []
    let last = 0
    const flush = async (): Promise<void> => {
      if (run.length > 0) await slot.log.append(writeNote(run, last))
      run = []
    }
    for (const [name, clock] of live) {
      const isNext = run.length > 0 && clock === last - 1 && coderOf(name) === coderOf(run[0] as string)
      if (!isNext || run.length === MOST_NAMES) await flush()
      run.push(name)
      last = clock
    }
    await flush()
  }

  async close(): Promise<void> {
    const slot = this.#slot
    this.#slot = undefined
    if (slot === undefined) return
    try {
      await slot.log.close()
    } finally {
      await slot.lock.release()
    }
  }
}

function pathOf(folder: string, slot: number): string {
  return join(folder, `journal-${slot}.log`)
}

/** Journals are for the owner's eyes only; what is no journal is begun anew. */
async function openOwn(path: string): Promise<AppendLog> {
  await (await open(path, 'a', 0o600)).close()
  await chmod(path, 0o600)
  return await openLog(path).catch(async (error: unknown) => {
    if (!isPithError(error, 'PITH_CHECKSUM')) throw error
    await rm(path, { force: true })
    await (await open(path, 'a', 0o600)).close()
    return await openLog(path)
  })
}

function coderOf(name: string): string {
  return name.slice(65)
}

/** u64 clock of the last name, varint length and text of the coder, u8[32] keys in the order of the text. */
function writeNote(names: readonly string[], lastClock: number): Uint8Array {
  const writer = new ByteWriter(64 + 32 * names.length)
  writer.u64(lastClock)
  const coder = new TextEncoder().encode(coderOf(names[0] as string))
  writer.varint(coder.length)
  writer.bytes(coder)
  for (const name of names) writer.bytes(fromHex(name.slice(0, 64)))
  return writer.view()
}

function readNote(record: Uint8Array): [name: string, clock: number][] {
  const reader = new ByteReader(record)
  const last = reader.u64()
  const coder = reader.utf8(reader.varint())
  const names: string[] = []
  while (reader.remaining > 0) names.push(valueName(toHex(reader.take(32)), coder))
  return names.filter(isValueName).map((name, i) => [name, last + names.length - 1 - i])
}
