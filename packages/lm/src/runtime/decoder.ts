/** Runs the network on new tokens behind a past, and gives back what of it is asked for. */
import { PithError } from '@pith/core'
import { type Backend, compile, type Params, type Session, Tensor, type Value } from '@pith/engine'
import type { LmConfig } from '../config.ts'
import { ropeTables } from '../model/rope.ts'
import { decoderGraph, ENDS } from './graph.ts'
import { HIDDEN, type KvMemory } from './memory.ts'
import type { Quant } from './quantise.ts'

/** What can be computed beside keys and values, for all new tokens. */
export interface Wanted {
  /** Places among the new tokens whose logits are wanted. */
  readonly rows?: readonly number[]
  /** Hidden states before these layers; `layers` is behind the last one. */
  readonly hidden?: readonly number[]
  /** Layers whose whole attention is wanted. */
  readonly attention?: readonly number[]
  /** Layers whose attention is summed over the last `window` new tokens and the queries that share keys. */
  readonly sums?: { readonly layers: readonly number[]; readonly window: number }
  /** Layers whose queries are wanted. */
  readonly queries?: readonly number[]
}

/** What a run gave; arrays are by layer where several layers were asked for. */
export interface Computed {
  /** f32[kvHeads, n, headDim] of each layer. */
  readonly keys: Float32Array[]
  readonly values: Float32Array[]
  /** f32[rows, vocab]. */
  readonly logits?: Float32Array
  /** f32[n, hidden] by layer. */
  readonly hidden: Map<number, Float32Array>
  /** f32[kvHeads, heads / kvHeads * n, capacity + n] by layer. */
  readonly attention: Map<number, Float32Array>
  /** f32[kvHeads, capacity + n] by layer. */
  readonly sums: Map<number, Float32Array>
  /** f32[kvHeads, heads / kvHeads * n, headDim] by layer. */
  readonly queries: Map<number, Float32Array>
}

/** How a model is run. */
export interface DecoderRuntime {
  quant: Quant
  /** Threads within one operator. Default 1. */
  threads?: number
  backend?: Backend
}

/** Sets of outputs whose sessions are kept beside the plain one. */
const KEPT = 2

/** The compiled network. Sessions are made for each set of outputs when it is first asked for. */
export class Decoder {
  readonly config: LmConfig
  readonly #params: Params
  readonly #runtime: DecoderRuntime
  readonly #sessions: Map<string, Promise<Session>> = new Map()
  readonly #causal: Map<number, Tensor> = new Map()
  #cos: Tensor
  #sin: Tensor
  #closed = false

  constructor(config: LmConfig, params: Params, runtime: DecoderRuntime) {
    this.config = config
    this.#params = params
    this.#runtime = runtime
    const tables = ropeTables(config, config.ctx)
    this.#cos = tables.cos
    this.#sin = tables.sin
  }

  /**
   * Run new tokens.
   *
   * @param positions of the new tokens, below `config.ctx`
   * @throws PithError `PITH_ARG` a token or position that is not there · `PITH_MODEL`
   */
  async run(memory: KvMemory, ids: Int32Array, positions: Int32Array, wanted: Wanted = {}): Promise<Computed> {
    if (this.#closed) throw new PithError('PITH_ARG', 'the model is closed')
    const { layers, heads, kvHeads, vocab } = this.config
    const n = ids.length
    for (const id of ids) {
      if (!(id >= 0 && id < vocab)) throw new PithError('PITH_ARG', `there is no token ${id}, only ${vocab}`)
    }
    const names = namesOf(wanted, layers)
    const session = await this.#session(names, wanted.sums !== undefined)
    const group = heads / kvHeads
    const feeds: Record<string, Tensor> = {
      [ENDS.ids]: new Tensor(BigInt64Array.from(ids, BigInt), [n]),
      [ENDS.cos]: this.#angles(this.#cos, positions),
      [ENDS.sin]: this.#angles(this.#sin, positions),
      [ENDS.causal]: this.#mask(n),
      [ENDS.bias]: memory.bias,
      [ENDS.parts]: new Tensor(BigInt64Array.of(BigInt(memory.capacity), BigInt(n)), [2]),
    }
    const rows = wanted.rows ?? []
    feeds[ENDS.rows] = new Tensor(BigInt64Array.from(rows.length === 0 ? [0] : rows, BigInt), [
      Math.max(1, rows.length),
    ])
    for (let layer = 0; layer < layers; layer++) {
      feeds[ENDS.pastK(layer)] = memory.keys(layer)
      feeds[ENDS.pastV(layer)] = memory.values(layer)
    }
    if (wanted.sums !== undefined) feeds[ENDS.share] = shareOf(kvHeads, group, n, wanted.sums.window)
    const results = await session.run(feeds)
    const take = (name: string): Float32Array => (results[name] as Tensor).data as Float32Array
    const takeAll = (own: readonly number[] | undefined, name: (layer: number) => string): Map<number, Float32Array> =>
      new Map((own ?? []).map((layer) => [layer, take(name(layer))]))
    const each = Array.from({ length: layers }, (_, layer) => layer)
    return {
      keys: each.map((layer) => take(ENDS.k(layer))),
      values: each.map((layer) => take(ENDS.v(layer))),
      hidden: takeAll(wanted.hidden, ENDS.hidden),
      attention: takeAll(wanted.attention, ENDS.attention),
      sums: takeAll(wanted.sums?.layers, ENDS.seen),
      queries: takeAll(wanted.queries, ENDS.q),
      ...(rows.length === 0 ? {} : { logits: take(ENDS.logits) }),
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    const sessions = [...this.#sessions.values()]
    this.#sessions.clear()
    for (const session of sessions) await (await session).dispose()
  }

  #session(names: readonly string[], sums: boolean): Promise<Session> {
    const key = names.join()
    const known = this.#sessions.get(key)
    if (known !== undefined) return known
    const made = this.#make(names, sums)
    this.#sessions.set(key, made)
    made.catch(() => this.#sessions.delete(key))
    const special = [...this.#sessions.keys()].filter((own) => own !== '' && own !== key)
    for (const old of special.slice(0, Math.max(0, special.length - KEPT + 1))) {
      const session = this.#sessions.get(old) as Promise<Session>
      this.#sessions.delete(old)
      // Runs that are under way end first.
      session.then((own) => own.dispose())
    }
    return made
  }

  async #make(names: readonly string[], sums: boolean): Promise<Session> {
    const { quant, threads, backend } = this.#runtime
    const all = decoderGraph(this.config, this.#params, { quant, sums })
    const outputs: Record<string, Value> = { [ENDS.logits]: all[ENDS.logits] as Value }
    for (let layer = 0; layer < this.config.layers; layer++) {
      for (const name of [ENDS.k(layer), ENDS.v(layer)]) outputs[name] = all[name] as Value
    }
    for (const name of names) outputs[name] = all[name] as Value
    return await compile(outputs, {
      ...(threads === undefined ? {} : { threads }),
      ...(backend === undefined ? {} : { backend }),
    })
  }

  /** Rows of a table of angles; a view where the positions follow each other. */
  #angles(table: Tensor, positions: Int32Array): Tensor {
    const [count = 0, width = 0] = table.shape
    const numbers = table.data as Float32Array
    const first = positions[0] as number
    for (const position of positions) {
      if (!(position >= 0 && position < count)) {
        throw new PithError(
          'PITH_LIMIT',
          `position ${position} is outside of the ${count} that the model was made for`,
          {
            hint: 'Load it with a larger ctx, or use shorter texts.',
          },
        )
      }
    }
    if (positions.every((position, i) => position === first + i)) {
      const rows = numbers.subarray(first * width, (first + positions.length) * width)
      return new Tensor(rows, [positions.length, width])
    }
    const rows = new Float32Array(positions.length * width)
    for (const [i, position] of positions.entries()) {
      rows.set(numbers.subarray(position * width, (position + 1) * width), i * width)
    }
    return new Tensor(rows, [positions.length, width])
  }

  #mask(n: number): Tensor {
    let mask = this.#causal.get(n)
    if (mask === undefined) {
      const group = this.config.heads / this.config.kvHeads
      const data = new Float32Array(group * n * n)
      for (let row = 0; row < group * n; row++) data.fill(HIDDEN, row * n + (row % n) + 1, (row + 1) * n)
      mask = new Tensor(data, [group * n, n])
      // Steps of one token and chunks of one length are what comes again.
      if (this.#causal.size >= 4) this.#causal.delete(this.#causal.keys().next().value as number)
      this.#causal.set(n, mask)
    }
    return mask
  }
}

function namesOf({ hidden, attention, sums, queries }: Wanted, layers: number): string[] {
  const names: string[] = []
  const add = (own: readonly number[] | undefined, name: (layer: number) => string, count: number): void => {
    for (const layer of own ?? []) {
      if (!(Number.isInteger(layer) && layer >= 0 && layer < count)) {
        throw new PithError('PITH_ARG', `there is no layer ${layer}, only ${count}`)
      }
      names.push(name(layer))
    }
  }
  add(hidden, ENDS.hidden, layers + 1)
  add(attention, ENDS.attention, layers)
  add(sums?.layers, ENDS.seen, layers)
  add(queries, ENDS.q, layers)
  return [...new Set(names)].sort()
}

/** Weight 1 for the last `window` of n queries in each of the heads that share keys. */
function shareOf(kvHeads: number, group: number, n: number, window: number): Tensor {
  const data = new Float32Array(kvHeads * group * n)
  for (let row = 0; row < kvHeads * group; row++) data.fill(1, row * n + Math.max(0, n - window), (row + 1) * n)
  return new Tensor(data, [kvHeads, 1, group * n])
}
