/** Keys and values of prefixes, kept by content in one or several places. */
import { isPithError, PithError, type Run, throwIfAborted, toHex } from '@pith/core'
import { KvCache, type ModelFingerprint, type PrefixCache } from '@pith/lm'
import { chainKeys } from './chain.ts'
import { type ChunkCoder, rawCoder } from './coder.ts'
import { Guard } from './guard.ts'
import { type Removed, type StoreTier, valueName } from './tier.ts'
import { packChunk, unpackChunk } from './value.ts'

/** Chunks that are asked for ahead of the one that is decoded. */
const AHEAD = 2

/** Milliseconds that a tier may take to write one value: nobody waits for it. */
const WRITE_MS = 30_000

/** The coder in the name of a value that only tests a tier, and its bytes. */
const CHECK = 'check'
const CHECK_BYTES = 1024

/** How prefixes are kept. */
export interface PrefixStoreOptions {
  /** Nearest first: what is found in a later one is put into those before it. */
  readonly tiers: readonly StoreTier[]
  /** Default numbers as they are. */
  readonly coder?: ChunkCoder
  /** Tokens of a chunk, 1..65536. Default 256. */
  readonly chunk?: number
  /** A secret of the owner: without it nothing is found, nor is it seen what others keep. Default none. */
  readonly salt?: string
  /** Milliseconds that a tier may take to answer. Default 1000. */
  readonly timeoutMs?: number
  /** Milliseconds that a tier is left alone behind a failure. Default 30000. */
  readonly restMs?: number
  /** Bytes of caches that wait to be written; more are not kept. Default 256 MiB. */
  readonly pendingBytes?: number
  /** Told once for each trouble. Default: the console. */
  readonly onWarning?: (message: string) => void
}

/** What a store did so far. */
export interface PrefixStats {
  /** Tokens that were asked for, whole chunks only, and those that were found. */
  asked: number
  found: number
  /** Chunks that were written, to any tier. */
  written: number
  /** Chunks that were not written, as too much was waiting. */
  dropped: number
  /** Values that were not what their names say. */
  damaged: number
  warnings: number
}

/** The longest known prefix of a text. */
export interface PrefixMatch {
  readonly chunks: number
  readonly tokens: number
}

interface Placed {
  readonly tier: StoreTier
  readonly guard: Guard
}

/** A {@link PrefixCache} over tiers. Whatever happens to them, it only costs time. */
export class PrefixStore implements PrefixCache {
  readonly chunk: number
  readonly coder: ChunkCoder
  readonly stats: PrefixStats = { asked: 0, found: 0, written: 0, dropped: 0, damaged: 0, warnings: 0 }
  readonly #salt: string
  readonly #places: readonly Placed[]
  readonly #warn: (message: string) => void
  readonly #mostPending: number
  #pending = 0
  #work: Promise<void> = Promise.resolve()
  #closed = false

  /** @throws PithError `PITH_ARG` options outside of their ranges */
  constructor(options: PrefixStoreOptions) {
    const { tiers, coder = rawCoder(), chunk = 256, salt = '', timeoutMs = 1000, restMs = 30_000 } = options
    if (tiers.length === 0) throw new PithError('PITH_ARG', 'the store has no place to keep anything in')
    if (!(Number.isInteger(chunk) && chunk >= 1 && chunk <= 65536)) {
      throw new PithError('PITH_ARG', `chunk must be 1..65536, got ${chunk}`)
    }
    if (!/^[a-z0-9-]{1,48}$/.test(coder.name)) throw new PithError('PITH_ARG', `a coder cannot be called ${coder.name}`)
    const { onWarning = (message: string) => console.warn(`pith: ${message}`), pendingBytes = 2 ** 28 } = options
    this.#warn = (message) => {
      this.stats.warnings++
      onWarning(message)
    }
    this.chunk = chunk
    this.coder = coder
    this.#salt = salt
    this.#mostPending = pendingBytes
    this.#places = tiers.map((tier) => ({
      tier,
      guard: new Guard(tier.title, { timeoutMs, restMs, warn: this.#warn }),
    }))
  }

  /** How much of a text is known, without reading it. */
  async match(tokens: Int32Array, fp: ModelFingerprint, run: Pick<Run, 'signal'> = {}): Promise<PrefixMatch> {
    const names = this.#names(chainKeys(tokens, { fp, chunk: this.chunk, salt: this.#salt }))
    const known = await this.#has(names, run.signal)
    const gap = known.indexOf(false)
    const chunks = gap < 0 ? names.length : gap
    return { chunks, tokens: chunks * this.chunk }
  }

  /** As {@link PrefixCache}. */
  async *find(
    tokens: Int32Array,
    fp: ModelFingerprint,
    { signal }: Pick<Run, 'signal'> = {},
  ): AsyncGenerator<KvCache, void, undefined> {
    throwIfAborted(signal)
    const keys = chainKeys(tokens, { fp, chunk: this.chunk, salt: this.#salt })
    const names = this.#names(keys)
    this.stats.asked += names.length * this.chunk
    const troubles = new Set<string>()
    const coming: Promise<KvCache | undefined>[] = []
    let given = 0
    try {
      for (; given < names.length; given++) {
        for (let i = coming.length; i < names.length && i <= given + AHEAD; i++) {
          const part = tokens.subarray(i * this.chunk, (i + 1) * this.chunk)
          const [parent, key] = [keys[i] as Uint8Array, keys[i + 1] as Uint8Array]
          const wanted = { key, parent, fp, tokens: part, position: i * this.chunk }
          const own = this.#read(names[i] as string, wanted, troubles, signal)
          // A chunk that nobody waits for any longer may still fail.
          own.catch(() => {})
          coming.push(own)
        }
        const kv = await (coming[given] as Promise<KvCache | undefined>)
        if (kv === undefined) break
        coming[given] = Promise.resolve(undefined)
        this.stats.found += kv.length
        yield kv
      }
    } finally {
      if (troubles.size > 0) this.#warn([...troubles].join('; '))
      if (given > 0) this.#touch(names.slice(0, given))
    }
  }

  /** The longest known prefix as one cache; undefined where nothing is known. */
  async get(tokens: Int32Array, fp: ModelFingerprint, run: Pick<Run, 'signal'> = {}): Promise<KvCache | undefined> {
    const pieces: KvCache[] = []
    for await (const piece of this.find(tokens, fp, run)) pieces.push(piece)
    return pieces.length === 0 ? undefined : joinCaches(pieces)
  }

  /** As {@link PrefixCache}; `flush` waits until it is written. */
  keep(tokens: Int32Array, kv: KvCache): void {
    const first = tokens.length - kv.length
    const from = Math.ceil(first / this.chunk)
    const to = Math.floor(tokens.length / this.chunk)
    const isPart =
      first >= 0 &&
      kv.positions.every((position, i) => position === first + i) &&
      kv.tokens.every((id, i) => id === tokens[first + i])
    if (this.#closed || !isPart || to <= from) return
    const bytes = 8 * kv.length * kv.layers * kv.width
    if (this.#pending + bytes > this.#mostPending) {
      this.stats.dropped += to - from
      return
    }
    this.#later(bytes, async () => {
      const keys = chainKeys(tokens.subarray(0, to * this.chunk), { fp: kv.fp, chunk: this.chunk, salt: this.#salt })
      const names = this.#names(keys)
      for (const { tier, guard } of this.#places) await guard.ask(() => tier.touch(names), undefined)
      for (let i = from; i < to; i++) {
        const at = i * this.chunk - first
        const own = { parent: keys[i] as Uint8Array, key: keys[i + 1] as Uint8Array }
        await this.#write(names[i] as string, this.#places, () =>
          packChunk(kv.slice(at, at + this.chunk), own, this.coder),
        )
      }
    })
  }

  /** Wait until everything that was taken in is written, or given up. */
  async flush(): Promise<void> {
    for (let last: Promise<void> | undefined; last !== this.#work; ) {
      last = this.#work
      await last
    }
  }

  /**
   * Put a small value into each tier, get it back and take it away: a place that loses what it is given is told of at once, not
   * when nothing is ever found.
   *
   * @param key of nothing else, 64 digits of hex
   * @returns whether all tiers gave it back
   */
  async check(key: string): Promise<boolean> {
    const name = valueName(key, CHECK)
    const bytes = Uint8Array.from({ length: CHECK_BYTES }, (_, i) => (i * 167 + 13) & 255)
    const tests = this.#places.map(async ({ tier, guard }) => {
      const back = await guard.ask(async (signal) => {
        await tier.put(name, bytes)
        const own = await tier.get(name, { signal })
        await tier.remove(name)
        return own ?? new Uint8Array(0)
      }, undefined)
      if (back !== undefined && (back.length !== bytes.length || bytes.some((byte, i) => back[i] !== byte))) {
        this.#warn(`${tier.title} does not give back what is put into it`)
        return false
      }
      return back !== undefined
    })
    return (await Promise.all(tests)).every((isWell) => isWell)
  }

  /** Throw away what is beyond the sizes of the tiers. @throws PithError `PITH_IO`, `PITH_NETWORK` */
  async gc(): Promise<Removed> {
    await this.flush()
    let sum: Removed = { values: 0, bytes: 0 }
    for (const { tier } of this.#places) {
      const { values, bytes } = await tier.gc()
      sum = { values: sum.values + values, bytes: sum.bytes + bytes }
    }
    return sum
  }

  /** Write what waits, and leave the tiers. */
  async close(): Promise<void> {
    await this.flush()
    this.#closed = true
    for (const { tier } of this.#places) {
      await tier.close().catch((error: unknown) => this.#warn(`${tier.title}: ${messageOf(error)}`))
    }
  }

  #names(keys: readonly Uint8Array[]): string[] {
    return keys.slice(1).map((key) => valueName(toHex(key), this.coder.name))
  }

  async #has(names: readonly string[], signal: AbortSignal | undefined): Promise<boolean[]> {
    const known = names.map(() => false)
    for (const { tier, guard } of this.#places) {
      const missing = [...known.keys()].filter((i) => !known[i])
      if (missing.length === 0) break
      const own = missing.map((i) => names[i] as string)
      const there = await guard.ask((stop) => tier.has(own, { signal: stop }), [], { signal })
      for (const [j, i] of missing.entries()) known[i] = there[j] === true
    }
    return known
  }

  async #read(
    name: string,
    wanted: Parameters<typeof unpackChunk>[1],
    troubles: Set<string>,
    signal: AbortSignal | undefined,
  ): Promise<KvCache | undefined> {
    for (const [i, { tier, guard }] of this.#places.entries()) {
      const bytes = await guard.ask((stop) => tier.get(name, { signal: stop }), undefined, { signal })
      if (bytes === undefined) continue
      try {
        const kv = await unpackChunk(bytes, wanted, this.coder)
        const nearer = this.#places.slice(0, i)
        if (nearer.length > 0) this.#later(bytes.length, () => this.#write(name, nearer, async () => bytes))
        return kv
      } catch (error) {
        this.stats.damaged++
        troubles.add(`${tier.title} held a value that cannot be used: ${messageOf(error)}`)
        // It would be in the way of the right one.
        this.#later(0, async () => void (await guard.ask(() => tier.remove(name), false)))
      }
    }
    return undefined
  }

  async #write(name: string, places: readonly Placed[], pack: () => Promise<Uint8Array>): Promise<void> {
    let bytes: Uint8Array | undefined
    for (const { tier, guard } of places) {
      const there = await guard.ask((stop) => tier.has([name], { signal: stop }), [true])
      if (there[0] === true || guard.rests) continue
      bytes ??= await pack()
      const own = bytes
      const isDone = await guard.ask(() => tier.put(name, own).then(() => true), false, { timeoutMs: WRITE_MS })
      if (isDone) this.stats.written++
    }
  }

  #touch(names: readonly string[]): void {
    this.#later(0, async () => {
      for (const { tier, guard } of this.#places) await guard.ask(() => tier.touch(names), undefined)
    })
  }

  /** Do something when everything before it is done; what goes wrong is told, never thrown. */
  #later(bytes: number, work: () => Promise<void>): void {
    this.#pending += bytes
    this.#work = this.#work
      .then(work)
      .catch((error: unknown) => this.#warn(`a prefix was not kept: ${messageOf(error)}`))
      .then(() => {
        this.#pending -= bytes
      })
  }
}

/** Pieces that follow each other as one, each number copied once. */
function joinCaches(pieces: readonly KvCache[]): KvCache {
  const first = pieces[0] as KvCache
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
  const { fp, layers, kvHeads, headDim, ropeTheta } = first
  const rows = (): Float32Array[] => Array.from({ length: layers }, () => new Float32Array(length * first.width))
  const [keys, values] = [rows(), rows()]
  const tokens = new Int32Array(length)
  const positions = new Int32Array(length)
  let at = 0
  for (const piece of pieces) {
    tokens.set(piece.tokens, at)
    positions.set(piece.positions, at)
    for (let layer = 0; layer < layers; layer++) {
      keys[layer]?.set(piece.keys[layer] as Float32Array, at * first.width)
      values[layer]?.set(piece.values[layer] as Float32Array, at * first.width)
    }
    at += piece.length
  }
  return new KvCache({ fp, layers, kvHeads, headDim, ropeTheta, tokens, positions, keys, values })
}

function messageOf(error: unknown): string {
  if (isPithError(error)) return `${error.code} ${error.message}`
  return error instanceof Error ? error.message : String(error)
}
