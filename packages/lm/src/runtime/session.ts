/** One text that a model reads or writes: its tokens, and the keys and values of them. */
import { meterProgress, PithError, type Run, throwIfAborted } from '@pith/core'
import { checkSameModel, KvCache, type ModelFingerprint } from '../kv-cache.ts'
import type { Computed, Decoder, Wanted } from './decoder.ts'
import { KvMemory } from './memory.ts'

/** Tokens of a prefill that are computed at once. */
export const DEFAULT_CHUNK = 256

/** How tokens are read. */
export interface PrefillOptions extends Pick<Run, 'signal' | 'onProgress'> {
  /** Whose logits come back. Default `last`. */
  logits?: 'last' | 'all' | 'none'
  /** Tokens that are computed at once, 1 or more: more are faster and take more memory. Default 256. */
  chunk?: number
}

/** A session of a model; calls on it must wait for each other. */
export class LmSession {
  readonly #decoder: Decoder
  readonly #fp: ModelFingerprint
  #memory: KvMemory
  #tokens: number[] = []
  #busy = false

  constructor(decoder: Decoder, fp: ModelFingerprint, capacity?: number) {
    this.#decoder = decoder
    this.#fp = fp
    this.#memory = new KvMemory(decoder.config, capacity)
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
    return this.#fp
  }

  /** Bytes that keys and values take, spare space included. */
  get bytes(): number {
    return this.#memory.bytes
  }

  /**
   * Read tokens.
   *
   * @returns f32[vocab] of the last token, f32[tokens, vocab] of all, or none
   * @throws PithError `PITH_ARG` no tokens, one that is not there, another call under way · `PITH_LIMIT` more than the model
   * was made for · the reason of the abort; what was read until then stays
   */
  async prefill(
    ids: Int32Array,
    { logits = 'last', chunk = DEFAULT_CHUNK, signal, onProgress }: PrefillOptions = {},
  ): Promise<Float32Array> {
    if (ids.length === 0) throw new PithError('PITH_ARG', 'there are no tokens to read')
    if (!(Number.isInteger(chunk) && chunk >= 1))
      throw new PithError('PITH_ARG', `chunk must be 1 or more, got ${chunk}`)
    const vocab = this.#decoder.config.vocab
    const all = new Float32Array(logits === 'all' ? ids.length * vocab : 0)
    let last = new Float32Array(0)
    const meter = meterProgress(onProgress === undefined ? {} : { onProgress }, {
      stage: 'read',
      unit: 'tokens',
      total: ids.length,
    })
    for (let at = 0; at < ids.length; at += chunk) {
      throwIfAborted(signal)
      const part = ids.subarray(at, at + chunk)
      const isLast = at + part.length === ids.length
      const rows = logits === 'all' ? [...part.keys()] : logits === 'last' && isLast ? [part.length - 1] : []
      const { logits: own } = await this.read(part, { rows })
      if (logits === 'all') all.set(own as Float32Array, at * vocab)
      else if (own !== undefined) last = new Float32Array(own)
      meter.update(at + part.length)
    }
    meter.finish()
    return logits === 'all' ? all : last
  }

  /** Read one token. @returns f32[vocab], the logits of the next one */
  async decode(id: number): Promise<Float32Array> {
    return (await this.read(Int32Array.of(id), { rows: [0] })).logits as Float32Array
  }

  /** Read tokens in one run, and get what of the network is wanted. */
  async read(ids: Int32Array, wanted: Wanted): Promise<Computed> {
    if (this.#busy)
      throw new PithError('PITH_ARG', 'the session is at work', { hint: 'Await one call before the next.' })
    this.#busy = true
    try {
      const start = this.#tokens.length
      const positions = Int32Array.from(ids, (_, i) => start + i)
      const computed = await this.#decoder.run(this.#memory, ids, positions, wanted)
      this.#memory.append(computed.keys, computed.values, ids.length)
      for (const id of ids) this.#tokens.push(id)
      return computed
    } finally {
      this.#busy = false
    }
  }

  /** Forget all but the first tokens. @throws PithError `PITH_ARG` more than there are */
  truncate(tokens: number): void {
    this.#memory.truncate(tokens)
    this.#tokens.length = tokens
  }

  /** A session that goes on from here on its own. */
  fork(): LmSession {
    const copy = new LmSession(this.#decoder, this.#fp)
    copy.#memory = this.#memory.clone()
    copy.#tokens = [...this.#tokens]
    return copy
  }

  /** Keys and values of the tokens `from` .. `to` - 1, by default of all so far, copied. @throws PithError `PITH_ARG` */
  kv(from = 0, to: number = this.length): KvCache {
    if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to && to <= this.length)) {
      throw new PithError('PITH_ARG', `there are ${this.length} tokens, not ${from} to ${to}`)
    }
    const { layers, kvHeads, headDim, ropeTheta } = this.#decoder.config
    const rows = Array.from({ length: layers }, (_, layer) => this.#memory.rows(layer, from, to))
    return new KvCache({
      fp: this.#fp,
      layers,
      kvHeads,
      headDim,
      ropeTheta,
      tokens: Int32Array.from(this.#tokens.slice(from, to)),
      positions: Int32Array.from({ length: to - from }, (_, i) => from + i),
      keys: rows.map(({ keys }) => keys),
      values: rows.map(({ values }) => values),
    })
  }

  /**
   * Go on behind a cache, as if its tokens had been read.
   *
   * @throws PithError `PITH_MODEL` it is of another model · `PITH_ARG` its positions do not follow those of this session
   */
  attachKv(kv: KvCache, options: { allowNumerics?: boolean } = {}): void {
    checkSameModel(this.#fp, kv.fp, options)
    if (!kv.positions.every((position, i) => position === this.length + i)) {
      throw new PithError('PITH_ARG', `the cache does not begin at position ${this.length} and go on one by one`)
    }
    this.#memory.appendRows(kv.keys, kv.values, kv.length)
    for (const id of kv.tokens) this.#tokens.push(id)
  }
}
