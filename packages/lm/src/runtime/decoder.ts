/** Runs the network on new tokens behind a past, and gives back what of it is asked for. */
import { PithError } from '@pith/core'
import { type Backend, compile, type Params, type Session, Tensor, type Value } from '@pith/engine'
import type { LmConfig } from '../config.ts'
import { ropeTables } from '../model/rope.ts'
import { angleRows, CausalMasks, type SumRows, shareOf } from './feeds.ts'
import { decoderGraph, ENDS } from './graph.ts'
import type { KvMemory } from './memory.ts'
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
  readonly sums?: SumRows & { readonly layers: readonly number[] }
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
  /** f32[kvHeads, rows, capacity + n] by layer; one row, if no more were asked for. */
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
  readonly #causal: CausalMasks
  #cos: Tensor
  #sin: Tensor
  #closed = false

  constructor(config: LmConfig, params: Params, runtime: DecoderRuntime) {
    this.config = config
    this.#params = params
    this.#runtime = runtime
    this.#causal = new CausalMasks(config.heads / config.kvHeads)
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
      [ENDS.cos]: angleRows(this.#cos, positions),
      [ENDS.sin]: angleRows(this.#sin, positions),
      [ENDS.causal]: this.#causal.of(n),
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
    if (wanted.sums !== undefined) feeds[ENDS.share] = shareOf(kvHeads, group, n, wanted.sums)
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
