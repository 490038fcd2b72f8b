/** Sessions whose past stays compressed while it is attended over (GEAR, section 3; KIVI). */
import { PithError, type Run, throwIfAborted } from '@pith/core'
import type { KernelTarget } from '@pith/core/wasm'
import {
  type GeneratedToken,
  type GenerateOptions,
  generateTokens,
  type Lm,
  type ModelFingerprint,
  type NewTokens,
} from '@pith/lm'
import { type BlockOptions, compressBlock } from './block.ts'
import type { KvBlock, Past } from './past.ts'
import { PlainPast } from './plain-past.ts'
import { Rotation } from './rotate.ts'
import { TILE, TILE_BITS, TilePast } from './tile-past.ts'

/** How the past is kept. */
export interface ResidentOptions extends Omit<BlockOptions, 'rank'> {
  /** Rank of what `gear` and `gear-l` add, of the prompt and of blocks behind it. Default 4 and 2. */
  rank?: number | { readonly prefill: number; readonly decode: number }
  /** Newest tokens that stay as they are until they become a block: 1..4096. Default 64. */
  buffer?: number
  /**
   * What attends: a kernel in WebAssembly, its twin in TypeScript, or plain loops, which take any width of heads, bits and
   * groups. Default `auto`: the kernel where it can (2, 3 or 4 bits, groups of 64, heads of a multiple of 64).
   */
  target?: KernelTarget | 'plain' | 'auto'
}

/**
 * A session of a model whose keys and values stay in few bits.
 *
 * @throws PithError `PITH_ARG` options outside of their ranges, or that a kernel was asked for that cannot do it
 */
export function residentSession(lm: Lm, options: ResidentOptions = {}): ResidentSession {
  return new ResidentSession(lm, options)
}

/** A session whose past is blocks in few bits and the newest tokens as they are; calls on it must wait for each other. */
export class ResidentSession {
  readonly #lm: Lm
  readonly #options: ResidentOptions
  readonly #buffer: number
  readonly #rotation: Rotation | undefined
  #past: Past
  #tokens: number[] = []
  /** Tokens behind the last block. */
  #newest = 0
  #isBusy = false

  constructor(lm: Lm, options: ResidentOptions) {
    const { buffer = 64, method = 'had-kivi', seed = 0 } = options
    if (!(Number.isInteger(buffer) && buffer >= 1 && buffer <= 4096)) {
      throw new PithError('PITH_ARG', `buffer must be 1..4096, got ${buffer}`)
    }
    this.#lm = lm
    this.#options = options
    this.#buffer = buffer
    this.#rotation = method === 'had-kivi' ? new Rotation(lm.config.headDim, seed) : undefined
    // Options outside of their ranges are refused now, not when the first block is full.
    this.#compress(new Float32Array(0), 'k', 0, this.#rankOf('decode'))
    this.#past = pastOf(lm, options, buffer)
  }

  /** Tokens that were read or written. */
  get length(): number {
    return this.#tokens.length
  }

  get tokens(): Int32Array {
    return Int32Array.from(this.#tokens)
  }

  /** Of the model. */
  get fingerprint(): ModelFingerprint {
    return this.#lm.fingerprint
  }

  /** Tokens in blocks; those behind them are held as they are. */
  get compressed(): number {
    return this.#past.compressed
  }

  /** Bytes of keys and values: blocks with all their parts, and the space for the newest tokens. */
  kvBytes(): number {
    return this.#past.bytes
  }

  /**
   * Read tokens. The first time they are read in single precision and then become blocks, but for the last ones that fill none.
   *
   * @returns f32[vocab] of the last token
   * @throws PithError `PITH_ARG` no tokens, one that is not there, another call under way · `PITH_LIMIT` more than the model was
   * made for · the reason of the abort; what was read until then stays, of a first read nothing
   */
  async prefill(ids: Int32Array, run: Pick<Run, 'signal' | 'onProgress'> = {}): Promise<Float32Array> {
    if (ids.length === 0) throw new PithError('PITH_ARG', 'there are no tokens to read')
    if (this.length > 0) return await this.read(ids, [ids.length - 1], run)
    return await this.#alone(async () => {
      const session = this.#lm.session({ capacity: ids.length })
      const logits = await session.prefill(ids, run)
      try {
        this.#fill(session.kv())
      } catch (cause) {
        this.#past.drop(0)
        throw cause
      }
      this.#tokens = [...ids]
      return logits
    })
  }

  /** Read one token. @returns f32[vocab], the logits of the next one */
  async decode(id: number): Promise<Float32Array> {
    return await this.read(Int32Array.of(id), [0])
  }

  /**
   * Read tokens behind those so far, in runs that fill a block at most.
   *
   * @param rows places among them whose logits come back: f32[rows, vocab]
   */
  async read(ids: Int32Array, rows: readonly number[], { signal }: Pick<Run, 'signal'> = {}): Promise<Float32Array> {
    return await this.#alone(async () => {
      const { vocab } = this.#lm.config
      const out = new Float32Array(rows.length * vocab)
      for (let at = 0; at < ids.length; ) {
        throwIfAborted(signal)
        // Full only where closing it failed before.
        if (this.#newest === this.#buffer) this.#close()
        const part = ids.subarray(at, at + this.#buffer - this.#newest)
        const start = this.length
        const own = [...rows.entries()].filter(([, row]) => row >= at && row < at + part.length)
        const logits = await this.#lm.split().run(
          part,
          Int32Array.from(part, (_, i) => start + i),
          own.map(([, row]) => row - at),
          (tokens) => this.#attend(tokens),
        )
        for (const [i, [place]] of own.entries()) out.set(logits.subarray(i * vocab, (i + 1) * vocab), place * vocab)
        for (const id of part) this.#tokens.push(id)
        this.#newest += part.length
        if (this.#newest === this.#buffer) this.#close()
        at += part.length
      }
      return out
    })
  }

  /** Read a prompt and write behind it. */
  async *generate(
    prompt: Int32Array,
    options: Omit<GenerateOptions, 'cache'> = {},
  ): AsyncGenerator<GeneratedToken, void, undefined> {
    const logits = await this.prefill(prompt, options.signal === undefined ? {} : { signal: options.signal })
    yield* generateTokens(this, this.#lm.tokenizer, logits, this.#lm.config.ctx, options)
  }

  /**
   * Forget all but the first tokens.
   *
   * @throws PithError `PITH_ARG` more than there are, or a number within a block
   */
  truncate(tokens: number): void {
    const { compressed } = this.#past
    if (!(Number.isInteger(tokens) && tokens >= 0 && tokens <= this.length)) {
      throw new PithError('PITH_ARG', `there are ${this.length} tokens, not ${tokens}`)
    }
    if (tokens < compressed && !this.#past.endsAt(tokens)) {
      throw new PithError('PITH_ARG', `${tokens} tokens end within a block, which is compressed whole`, {
        hint: `Forget down to ${compressed} tokens or the end of an earlier block, or read the text anew.`,
      })
    }
    if (tokens < compressed) this.#past.drop(tokens)
    this.#newest = tokens - this.#past.compressed
    this.#tokens.length = tokens
  }

  /** A session that goes on from here on its own. */
  fork(): ResidentSession {
    const copy = new ResidentSession(this.#lm, this.#options)
    copy.#past = this.#past.clone()
    copy.#tokens = [...this.#tokens]
    copy.#newest = this.#newest
    return copy
  }

  #rankOf(stage: 'prefill' | 'decode'): number {
    const { rank = { prefill: 4, decode: 2 } } = this.#options
    return typeof rank === 'number' ? rank : rank[stage]
  }

  /** Rows are turned already. */
  #compress(data: Float32Array, kind: 'k' | 'v', tokens: number, rank: number): KvBlock['keys'] {
    const { kvHeads: heads, headDim } = this.#lm.config
    const { method = 'had-kivi', buffer: _, target: __, ...options } = this.#options
    const own = method === 'had-kivi' ? 'kivi' : method
    return compressBlock({ data, tokens, heads, headDim }, kind, { ...options, method: own, rank })
  }

  /** Take in what the prompt gave. */
  #fill({
    length,
    width,
    keys,
    values,
  }: {
    length: number
    width: number
    keys: readonly Float32Array[]
    values: readonly Float32Array[]
  }): void {
    const { layers } = this.#lm.config
    const { method = 'had-kivi', group = TILE } = this.#options
    const whole = length - (length % this.#buffer)
    // Where numbers are only rounded, several blocks hold what one would.
    const isRounded = (method === 'kivi' || method === 'had-kivi') && this.#buffer % group === 0
    const size = isRounded ? this.#buffer : whole
    const turn = (rows: Float32Array): Float32Array => this.#rotation?.there(rows) ?? rows
    for (const own of [keys, values]) for (const rows of own) turn(rows)
    for (let at = 0; at < whole; at += size) {
      const rows = (own: readonly Float32Array[], layer: number): Float32Array =>
        (own[layer] as Float32Array).subarray(at * width, (at + size) * width)
      const rank = this.#rankOf('prefill')
      this.#past.add(
        Array.from({ length: layers }, (_, layer) => ({
          keys: this.#compress(rows(keys, layer), 'k', size, rank),
          values: this.#compress(rows(values, layer), 'v', size, rank),
        })),
      )
    }
    for (let layer = 0; layer < layers; layer++) {
      for (let t = whole; t < length; t++) {
        const row = (own: readonly Float32Array[]): Float32Array =>
          (own[layer] as Float32Array).subarray(t * width, (t + 1) * width)
        this.#past.put(layer, t - whole, row(keys), row(values))
      }
    }
    this.#newest = length - whole
  }

  /** Make the newest tokens a block. */
  #close(): void {
    const { layers } = this.#lm.config
    const rank = this.#rankOf('decode')
    this.#past.add(
      Array.from({ length: layers }, (_, layer) => {
        const { keys, values } = this.#past.newest(layer, this.#newest)
        return {
          keys: this.#compress(keys, 'k', this.#newest, rank),
          values: this.#compress(values, 'v', this.#newest, rank),
        }
      }),
    )
    this.#newest = 0
  }

  #attend({ layer, count, turned, values }: NewTokens): Float32Array {
    const { heads, kvHeads, headDim } = this.#lm.config
    const [wide, width] = [(heads + kvHeads) * headDim, kvHeads * headDim]
    const own = Float32Array.from(turned)
    const ownValues = Float32Array.from(values)
    this.#rotation?.there(own)
    this.#rotation?.there(ownValues)
    for (let t = 0; t < count; t++) {
      this.#past.put(
        layer,
        this.#newest + t,
        own.subarray(t * wide + heads * headDim, (t + 1) * wide),
        ownValues.subarray(t * width, (t + 1) * width),
      )
    }
    const scale = 1 / Math.sqrt(headDim)
    const out = new Float32Array(count * heads * headDim)
    for (let t = 0; t < count; t++) {
      for (let head = 0; head < heads; head++) {
        const q = own.subarray(t * wide + head * headDim, t * wide + (head + 1) * headDim)
        for (let c = 0; c < headDim; c++) q[c] = scale * (q[c] as number)
        const keys = Math.floor((head * kvHeads) / heads)
        this.#past.attend(layer, keys, q, this.#newest + t + 1, out, (t * heads + head) * headDim)
      }
    }
    return this.#rotation?.back(out) ?? out
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isBusy) {
      throw new PithError('PITH_ARG', 'the session is at work', { hint: 'Await one call before the next.' })
    }
    this.#isBusy = true
    try {
      return await work()
    } finally {
      this.#isBusy = false
    }
  }
}

function pastOf({ config }: Lm, options: ResidentOptions, buffer: number): Past {
  const { method = 'had-kivi', bits = 3, group = 64, target = 'auto' } = options
  const fits =
    TILE_BITS.includes(bits) &&
    group === TILE &&
    method !== 'kcvt' &&
    config.headDim % TILE === 0 &&
    buffer % TILE === 0
  if (target === 'plain' || (target === 'auto' && !fits)) return new PlainPast(config, buffer)
  if (!fits) {
    throw new PithError(
      'PITH_ARG',
      `the kernel attends over 2, 3 or 4 bits in groups of ${TILE}, not ${method} of these sizes`,
      {
        hint: `Take such bits, groups and a multiple of ${TILE} as buffer, or the target plain.`,
      },
    )
  }
  return new TilePast(config, bits, buffer, config.ctx, target)
}
