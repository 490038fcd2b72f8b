/** Sessions that are kept for another call, the least recently used closed first. */
import { PithError } from '@pith/core'
import type { Session } from './backend.ts'

/** What a cache of sessions may hold. */
export interface CacheLimits {
  /** Sessions that are kept, 1 or more. Default 32. */
  maxSessions?: number
  /** Bytes that kept sessions may hold together, by their makers' word. Default 1 GiB. */
  maxBytes?: number
}

/** A session with the bytes that it holds. */
export interface MadeSession {
  readonly session: Session
  readonly bytes: number
}

interface Slot {
  readonly made: Promise<MadeSession>
  bytes: number
  /** Calls that use it now; it is closed after the last. */
  uses: number
  isEvicted: boolean
}

/** A least-recently-used cache of sessions. Equal keys that are asked for at once make one session. */
export class SessionCache {
  readonly #maxSessions: number
  readonly #maxBytes: number
  /** In the order of their last use. */
  readonly #slots: Map<string, Slot> = new Map()
  readonly #closing: Set<Promise<void>> = new Set()

  /** @throws PithError `PITH_ARG` limits below 1 */
  constructor({ maxSessions = 32, maxBytes = 2 ** 30 }: CacheLimits = {}) {
    if (!(maxSessions >= 1 && maxBytes >= 1)) {
      throw new PithError('PITH_ARG', `limits of the session cache must be 1 or more, got ${maxSessions}, ${maxBytes}`)
    }
    this.#maxSessions = maxSessions
    this.#maxBytes = maxBytes
  }

  /**
   * Work with the session of a key; it stays open until the work is done.
   *
   * @param make makes the session where there is none; what it throws is not kept
   */
  async use<T>(key: string, make: () => Promise<MadeSession>, work: (session: Session) => Promise<T>): Promise<T> {
    const slot = this.#slots.get(key) ?? { made: make(), bytes: 0, uses: 0, isEvicted: false }
    this.#slots.delete(key)
    this.#slots.set(key, slot)
    slot.uses++
    try {
      const { session, bytes } = await slot.made
      slot.bytes = bytes
      this.#shrink()
      return await work(session)
    } catch (error) {
      // A session that could not be made is tried again by the next caller.
      await slot.made.catch(() => {
        slot.isEvicted = true
        if (this.#slots.get(key) === slot) this.#slots.delete(key)
      })
      throw error
    } finally {
      slot.uses--
      if (slot.isEvicted) this.#close(slot)
    }
  }

  stats(): { sessions: number; bytes: number } {
    let bytes = 0
    for (const slot of this.#slots.values()) bytes += slot.bytes
    return { sessions: this.#slots.size, bytes }
  }

  /** Close all sessions, after the work that uses them. */
  async clear(): Promise<void> {
    for (const [key, slot] of [...this.#slots]) this.#evict(key, slot)
    await Promise.all(this.#closing)
  }

  #shrink(): void {
    let { sessions, bytes } = this.stats()
    for (const [key, slot] of [...this.#slots]) {
      if (sessions <= 1 || (sessions <= this.#maxSessions && bytes <= this.#maxBytes)) return
      sessions--
      bytes -= slot.bytes
      this.#evict(key, slot)
    }
  }

  #evict(key: string, slot: Slot): void {
    this.#slots.delete(key)
    slot.isEvicted = true
    this.#close(slot)
  }

  #close(slot: Slot): void {
    if (slot.uses > 0) return
    const closing = slot.made.then(
      ({ session }) => session.dispose(),
      () => undefined,
    )
    this.#closing.add(closing)
    closing.then(
      () => this.#closing.delete(closing),
      () => this.#closing.delete(closing),
    )
  }
}
