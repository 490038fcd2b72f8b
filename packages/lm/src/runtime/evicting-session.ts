/** A session that keeps a part of its tokens, as a policy has it. */
import { PithError } from '@pith/core'
import { checkSameModel, type KvShape, type ModelFingerprint, type RaggedKv } from '../kv-cache.ts'
import type { Decoder } from './decoder.ts'
import type { EvictionPolicy, HeadWatch, Prompt } from './eviction.ts'
import { type ReadPromptOptions, readPrompt, readPromptInStages } from './prompt.ts'
import type { RaggedDecoder } from './ragged-decoder.ts'
import { RaggedMemory } from './ragged-memory.ts'

/** New tokens that are computed at once where heads give up tokens for them. */
const WATCHED = 16

/** A session whose first read is the prompt: what is kept of it is decided behind it. Calls must wait for each other. */
export class EvictingSession {
  readonly policy: EvictionPolicy
  readonly #decoder: Decoder
  readonly #ragged: RaggedDecoder
  readonly #fp: ModelFingerprint
  #memory: RaggedMemory | undefined
  #watches: HeadWatch[][] = []
  #tokens: number[] = []
  /** Tokens of the prompt, of which a part is kept. */
  #prompt = 0
  #busy = false

  constructor(decoder: Decoder, ragged: RaggedDecoder, policy: EvictionPolicy, fp: ModelFingerprint) {
    this.#decoder = decoder
    this.#fp = fp
    this.#ragged = ragged
    this.policy = policy
  }

  /** Tokens that were read or written, also those that are gone. */
  get length(): number {
    return this.#tokens.length
  }

  get tokens(): Int32Array {
    return Int32Array.from(this.#tokens)
  }

  /** Bytes that keys and values take, spare space included. */
  get bytes(): number {
    return this.#memory?.bytes ?? 0
  }

  /** Bytes of the keys and values of the tokens that are kept. */
  get heldBytes(): number {
    return this.#memory?.heldBytes ?? 0
  }

  /** Positions that a head of a layer keeps, ascending. @throws PithError `PITH_ARG` there is no such head */
  positions(layer: number, head: number): Int32Array {
    return Int32Array.from(this.#own().positions(layer, head)).sort()
  }

  /**
   * Read tokens: the first time the prompt, of which a part is kept.
   *
   * @returns f32[vocab] of the last token
   * @throws PithError `PITH_ARG` no tokens, one that is not there, another call under way · `PITH_LIMIT` more than the model
   * was made for · the reason of the abort
   */
  async prefill(ids: Int32Array, options: ReadPromptOptions = {}): Promise<Float32Array> {
    if (this.#memory !== undefined) {
      if (ids.length === 0) throw new PithError('PITH_ARG', 'there are no tokens to read')
      return await this.read(ids, [ids.length - 1])
    }
    return await this.#alone(async () => {
      const { config } = this.#decoder
      const stages = this.policy.stages?.(config, ids.length) ?? []
      const prompt =
        stages.length === 0
          ? await readPrompt(this.#decoder, ids, this.policy, options)
          : await readPromptInStages(this.#ragged, config, ids, this.policy, stages, options)
      this.start(prompt)
      return prompt.logits
    })
  }

  /** Begin behind a prompt that was read before with what the policy needs. @throws PithError `PITH_ARG` it has begun */
  start(prompt: Prompt): void {
    if (this.#memory !== undefined) throw new PithError('PITH_ARG', 'the session has read its prompt')
    const { policy } = this
    const { config } = this.#decoder
    const kept = policy.keep(prompt, config)
    const memory = new RaggedMemory(config, policy.groups(config))
    for (const [layer, { positions, keys, values }] of prompt.layers.entries()) {
      const heads = kept[layer] ?? []
      memory.reserve(
        layer,
        heads.map((places) => places.length),
      )
      for (const [head, places] of heads.entries()) memory.put(layer, head, places, positions, keys, values)
    }
    this.#watches = kept.map((heads, layer) =>
      heads.flatMap((places, head) => policy.watch?.(prompt, layer, head, places) ?? []),
    )
    this.#memory = memory
    this.#tokens = [...prompt.tokens]
    this.#prompt = this.#tokens.length
  }

  /** Of the model. */
  get fingerprint(): ModelFingerprint {
    return this.#fp
  }

  /**
   * Forget what was written behind the first tokens, which are the prompt at least.
   *
   * @throws PithError `PITH_ARG` more than there are · `PITH_CAPABILITY` what would have to come back is gone
   */
  truncate(tokens: number): void {
    const memory = this.#own()
    if (!(Number.isInteger(tokens) && tokens >= 0 && tokens <= this.length)) {
      throw new PithError('PITH_ARG', `there are ${this.length} tokens, not ${tokens}`)
    }
    if (tokens === this.length) return
    if (tokens < this.#prompt) {
      throw new PithError('PITH_CAPABILITY', `of the ${this.#prompt} tokens of the prompt only a part is kept`, {
        hint: 'Read the shorter prompt in a new session.',
      })
    }
    if (this.policy.watch !== undefined) {
      throw new PithError('PITH_CAPABILITY', 'heads gave up tokens for those that would go', {
        hint: 'Fork the session before it writes, or take a policy whose caches grow.',
      })
    }
    memory.truncate(tokens)
    this.#tokens.length = tokens
  }

  /** Keys and values of the tokens that each head keeps, copied. */
  kv(): RaggedKv {
    const memory = this.#own()
    const { layers, kvHeads, headDim, ropeTheta } = this.#decoder.config
    const heads = Array.from({ length: layers }, (_, layer) =>
      Array.from({ length: kvHeads }, (_head, head) => memory.head(layer, head)),
    )
    return { fp: this.#fp, layers, kvHeads, headDim, ropeTheta, tokens: this.tokens, heads }
  }

  /**
   * Begin behind a cache that {@link kv} gave, as if its tokens had been read and cut down here.
   *
   * @throws PithError `PITH_ARG` the session has begun · `PITH_MODEL` it is of another model · `PITH_SHAPE` parts that do not fit ·
   * `PITH_CAPABILITY` the policy has to follow the prompt
   */
  attachKv(kv: RaggedKv, options: { allowNumerics?: boolean } = {}): void {
    if (this.#memory !== undefined) throw new PithError('PITH_ARG', 'the session has read its prompt')
    checkSameModel(this.#fp, kv.fp, options)
    if (this.policy.watch !== undefined) {
      throw new PithError('PITH_CAPABILITY', 'a policy that follows the prompt cannot begin behind its cache', {
        hint: 'Take a policy whose caches grow, or read the prompt.',
      })
    }
    const { config } = this.#decoder
    checkRagged(kv, config)
    const memory = new RaggedMemory(config, this.policy.groups(config))
    for (const [layer, heads] of kv.heads.entries()) {
      memory.reserve(
        layer,
        heads.map(({ positions }) => positions.length),
      )
      for (const [head, own] of heads.entries()) memory.putHead(layer, head, own)
    }
    this.#memory = memory
    this.#tokens = [...kv.tokens]
    this.#prompt = kv.tokens.length
    this.#watches = kv.heads.map(() => [])
  }

  /** A session that goes on from here on its own. */
  fork(): EvictingSession {
    const copy = new EvictingSession(this.#decoder, this.#ragged, this.policy, this.#fp)
    copy.#memory = this.#memory?.clone()
    copy.#watches = this.#watches.map((heads) => heads.map((watch) => watch.clone()))
    copy.#tokens = [...this.#tokens]
    copy.#prompt = this.#prompt
    return copy
  }

  /** Read one token. @returns f32[vocab], the logits of the next one */
  async decode(id: number): Promise<Float32Array> {
    return await this.read(Int32Array.of(id), [0])
  }

  /**
   * Read tokens behind the prompt.
   *
   * @param rows places among them whose logits come back: f32[rows, vocab]
   */
  async read(ids: Int32Array, rows: readonly number[]): Promise<Float32Array> {
    const memory = this.#own()
    const { vocab } = this.#decoder.config
    return await this.#alone(async () => {
      const isWatched = this.policy.watch !== undefined
      const chunk = isWatched ? WATCHED : ids.length
      const out = new Float32Array(rows.length * vocab)
      for (let at = 0; at < ids.length; at += chunk) {
        const part = ids.subarray(at, at + chunk)
        const positions = Int32Array.from(part, (_, i) => this.#tokens.length + i)
        const own = [...rows.entries()].filter(([, row]) => row >= at && row < at + part.length)
        const computed = await this.#ragged.run(memory, part, positions, {
          rows: own.map(([, row]) => row - at),
          ...(isWatched ? { sums: { window: part.length, each: true } } : {}),
        })
        const sizes = this.#watches.map((heads, layer) => heads.map((_, head) => memory.count(layer, head)))
        memory.append(computed.keys, computed.values, positions)
        for (const [layer, heads] of this.#watches.entries()) {
          for (const [head, watch] of heads.entries()) {
            const count = sizes[layer]?.[head] as number
            // A query sees the tokens up to its own.
            for (const [i, row] of computed.seen(layer, head).entries()) watch.push(row.subarray(0, count + i + 1))
            while (memory.count(layer, head) > count) {
              const place = watch.worst(memory.positions(layer, head))
              memory.drop(layer, head, place)
              watch.drop(place)
            }
          }
        }
        for (const id of part) this.#tokens.push(id)
        for (const [i, [place]] of own.entries()) {
          out.set((computed.logits as Float32Array).subarray(i * vocab, (i + 1) * vocab), place * vocab)
        }
      }
      return out
    })
  }

  #own(): RaggedMemory {
    if (this.#memory === undefined) {
      throw new PithError('PITH_ARG', 'the session has read no prompt', { hint: 'Call prefill first.' })
    }
    return this.#memory
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#busy) {
      throw new PithError('PITH_ARG', 'the session is at work', { hint: 'Await one call before the next.' })
    }
    this.#busy = true
    try {
      return await work()
    } finally {
      this.#busy = false
    }
  }
}

/** @throws PithError `PITH_SHAPE` */
function checkRagged({ heads, tokens }: RaggedKv, { layers, kvHeads, headDim }: KvShape): void {
  const isWhole =
    heads.length === layers &&
    heads.every(
      (own) =>
        own.length === kvHeads &&
        own.every(
          ({ positions, keys, values }) =>
            keys.length === positions.length * headDim &&
            values.length === keys.length &&
            positions.every((position, i) => position > (positions[i - 1] ?? -1) && position < tokens.length),
        ),
    )
  if (!isWhole) throw new PithError('PITH_SHAPE', 'the parts of the cache do not fit each other or the model')
}
