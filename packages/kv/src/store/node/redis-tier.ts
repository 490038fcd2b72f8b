/** Values on a Redis or Valkey server. */
import { PithError, type Run, throwIfAborted } from '@pith/core'
import type { Redis } from 'ioredis'
import { isValueName, type Removed, type StoreTier, type TierValue } from '../tier.ts'

const PREFIX = 'pith:kv:'

/** Keys of one step of a listing. */
const STEP = 500

/** How a server is used. */
export interface RedisTierOptions {
  /** Seconds that a value stays behind its last use. Default a day. */
  readonly ttlSeconds?: number
  /** Larger values are not put there. Default 64 MB. */
  readonly maxValueBytes?: number
}

/**
 * Keep values on a server, under `pith:kv:<key>.<coder>`; it throws them away by their age and by its own `maxmemory-policy`.
 * Nothing is connected to before the first call.
 *
 * @param url such as `redis://:password@host:6379/0`; `rediss:` is encrypted
 * @throws PithError `PITH_CAPABILITY` the package ioredis is not installed · `PITH_ARG` a URL that is none, or numbers outside
 * of their ranges
 */
export async function redisTier(url: string, options: RedisTierOptions = {}): Promise<StoreTier> {
  const { ttlSeconds = 86_400, maxValueBytes = 64e6 } = options
  if (!(ttlSeconds > 0)) throw new PithError('PITH_ARG', `ttlSeconds must be above 0, got ${ttlSeconds}`)
  const title = titleOf(url)
  const { Redis: Client } = await import('ioredis').catch((cause: unknown) => {
    throw new PithError('PITH_CAPABILITY', 'the package ioredis is not installed', {
      cause,
      hint: 'Install it: npm install ioredis',
    })
  })
  const client = new Client(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 2,
    retryStrategy: (times) => Math.min(50 * times, 2000),
  })
  // Each command that fails says so itself; without a listener the client would write to the console.
  client.on('error', () => {})
  return new RedisTier(title, client, Math.round(ttlSeconds * 1000), maxValueBytes)
}

class RedisTier implements StoreTier {
  readonly title: string
  readonly #client: Redis
  readonly #ttlMs: number
  readonly #maxValueBytes: number

  constructor(title: string, client: Redis, ttlMs: number, maxValueBytes: number) {
    this.title = title
    this.#client = client
    this.#ttlMs = ttlMs
    this.#maxValueBytes = maxValueBytes
  }

  async has(names: readonly string[]): Promise<boolean[]> {
    const pipeline = this.#client.pipeline()
    for (const name of names) pipeline.exists(keyOf(name))
    return (await this.#all(pipeline)).map((there) => there === 1)
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    const bytes = await this.#ask(this.#client.getBuffer(keyOf(name)))
    return bytes === null ? undefined : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    if (bytes.length > this.#maxValueBytes) {
      throw new PithError('PITH_LIMIT', `a chunk has ${bytes.length} bytes, ${this.#maxValueBytes} are allowed`, {
        hint: 'Keep compressed chunks or shorter ones, or raise maxValueBytes.',
      })
    }
    const { buffer, byteOffset, byteLength } = bytes
    await this.#ask(this.#client.set(keyOf(name), Buffer.from(buffer, byteOffset, byteLength), 'PX', this.#ttlMs))
  }

  async touch(names: readonly string[]): Promise<void> {
    const pipeline = this.#client.pipeline()
    for (const name of names) pipeline.pexpire(keyOf(name), this.#ttlMs)
    await this.#all(pipeline)
  }

  async remove(name: string): Promise<boolean> {
    return (await this.#ask(this.#client.del(keyOf(name)))) > 0
  }

  async *list({ signal }: Pick<Run, 'signal'> = {}): AsyncGenerator<TierValue, void, undefined> {
    const seen = new Set<string>()
    let cursor = '0'
    do {
      throwIfAborted(signal)
      const [next, keys] = await this.#ask(this.#client.scan(cursor, 'MATCH', `${PREFIX}*`, 'COUNT', STEP))
      cursor = next
      const names = keys.map((key) => key.slice(PREFIX.length)).filter((name) => isValueName(name) && !seen.has(name))
      const pipeline = this.#client.pipeline()
      for (const name of names) pipeline.strlen(keyOf(name))
      const sizes = names.length === 0 ? [] : await this.#all(pipeline)
      for (const [i, name] of names.entries()) {
        seen.add(name)
        // Empty: it went away in between.
        if (Number(sizes[i]) > 0) yield { name, bytes: Number(sizes[i]) }
      }
    } while (cursor !== '0')
  }

  /** The server throws away by itself. */
  async gc(): Promise<Removed> {
    return { values: 0, bytes: 0 }
  }

  async close(): Promise<void> {
    this.#client.disconnect()
  }

  async #all(pipeline: { exec(): Promise<[Error | null, unknown][] | null> }): Promise<unknown[]> {
    const answers = (await this.#ask(pipeline.exec())) ?? []
    const failed = answers.find(([error]) => error !== null)?.[0]
    if (failed) throw this.#error(failed)
    return answers.map(([, result]) => result)
  }

  async #ask<T>(command: Promise<T>): Promise<T> {
    try {
      return await command
    } catch (error) {
      throw this.#error(error)
    }
  }

  #error(cause: unknown): PithError {
    const why = cause instanceof Error ? cause.message : String(cause)
    return new PithError('PITH_NETWORK', `${this.title} failed: ${why}`, {
      cause,
      hint: 'Check that the server runs, and that its address and password are right.',
    })
  }
}

function keyOf(name: string): string {
  return PREFIX + name
}

/** The server without its password. */
function titleOf(url: string): string {
  try {
    const { protocol, host } = new URL(url)
    if (['redis:', 'rediss:'].includes(protocol) && host !== '') return `the server ${protocol}//${host}`
  } catch {
    // Told below.
  }
  throw new PithError('PITH_ARG', 'the address of a server looks like redis://host:6379')
}
