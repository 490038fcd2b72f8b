/** Caches that are made in a thread of their own, so that a server sends while a text is read. */
import { MessageChannel } from 'node:worker_threads'
import { onAbort } from '@pith/core'
import { createPool, type Movable, type Pool, siblingUrl } from '@pith/core/workers'
import type { KvOffer } from '../offer.ts'
import type { encoderTasks } from './encoder-tasks.ts'
import type { EncoderFacts, EncoderSource, MadeCache } from './messages.ts'
import type { KvSource } from './server.ts'

/** Caches that are kept, if no other number is given. */
const KEEP = 16

/** A source of caches for `serveKv`; close it when it is no longer needed. */
export class EncoderHost implements KvSource {
  readonly facts: EncoderFacts
  readonly #pool: Pool<typeof encoderTasks>
  readonly #source: EncoderSource
  readonly #keep: number
  readonly #kept: Map<string, MadeCache> = new Map()
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(pool: Pool<typeof encoderTasks>, source: EncoderSource, facts: EncoderFacts, keep: number) {
    this.#pool = pool
    this.#source = source
    this.facts = facts
    this.#keep = keep
  }

  /**
   * Load a model and a profile in a thread.
   *
   * @param keep caches that are kept. Default 16
   * @throws PithError as `loadLm`, and `PITH_MODEL` the profile belongs to another model
   */
  static async open(source: EncoderSource, { keep = KEEP }: { keep?: number } = {}): Promise<EncoderHost> {
    const pool = createPool<typeof encoderTasks>({
      url: siblingUrl('encoder-worker', import.meta.url),
      tasks: async () => (await import('./encoder-tasks.ts')).encoderTasks,
      threads: 1,
      apart: true,
      // To end a thread within the native library aborts the program.
      gentle: true,
    })
    try {
      return new EncoderHost(pool, source, await pool.run('describe', source), keep)
    } catch (error) {
      await pool.close()
      throw error
    }
  }

  /** As {@link KvSource}; one cache is made at a time. */
  async add(given: Int32Array | string, signal?: AbortSignal): Promise<KvOffer> {
    const next = this.#turn.then(() => this.#make(given, signal))
    this.#turn = next.catch(() => {})
    return await next
  }

  offer(id: string): KvOffer | undefined {
    return this.#kept.get(id)?.offer
  }

  chunk(id: string, index: number, level: number): Uint8Array | undefined {
    return this.#kept.get(id)?.parts[index]?.[level]
  }

  profile(id: string): Uint8Array | undefined {
    return id === this.facts.profileId ? this.facts.profile : undefined
  }

  /** Wait for what is under way, and end the thread when its store has written what it holds. */
  async close(): Promise<void> {
    await this.#turn
    // What cannot be written costs time another day.
    await this.#pool.run('close', undefined).catch(() => {})
    await this.#pool.close()
  }

  async #make(given: Int32Array | string, signal: AbortSignal | undefined): Promise<KvOffer> {
    signal?.throwIfAborted()
    const { port1, port2 } = new MessageChannel()
    const forget = onAbort(signal, () => port1.postMessage('abort'))
    try {
      const made = await this.#pool.run(
        'make',
        { source: this.#source, given, port: port2 as never },
        { transfer: [port2 as unknown as Movable] },
      )
      const { id } = made.offer
      this.#kept.delete(id)
      this.#kept.set(id, made)
      for (const oldest of this.#kept.keys()) {
        if (this.#kept.size <= this.#keep) break
        this.#kept.delete(oldest)
      }
      return made.offer
    } finally {
      forget()
      port1.close()
    }
  }
}
