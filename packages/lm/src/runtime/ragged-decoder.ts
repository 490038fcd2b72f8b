/** Runs the network, or some of its layers, over a past with tokens by head. */
import { PithError } from '@pith/core'
import { compile, type Params, type Session, Tensor, type Value } from '@pith/engine'
import type { LmConfig } from '../config.ts'
import { ropeTables } from '../model/rope.ts'
import type { DecoderRuntime } from './decoder.ts'
import { angleRows, CausalMasks, type SumRows, shareOf, sumRowCount } from './feeds.ts'
import { decoderGraph, ENDS } from './graph.ts'
import type { RaggedMemory } from './ragged-memory.ts'

/** Sessions that are kept: a layout of heads, a range of layers, with sums or without. */
const KEPT = 6

/** What is computed. */
export interface RaggedWanted {
  /** Places among the new tokens whose logits are wanted. */
  readonly rows?: readonly number[]
  readonly sums?: SumRows
  /** Layers that are run. Default all; hidden states come back where the end is not reached. */
  readonly from?: number
  readonly to?: number
}

/** What a run gave; by layer from `from` on. */
export interface RaggedComputed {
  /** f32[kvHeads, n, headDim]. */
  readonly keys: Float32Array[]
  readonly values: Float32Array[]
  /** f32[rows, vocab]. */
  readonly logits?: Float32Array
  /** f32[n, hidden] behind the last layer that was run. */
  readonly hidden?: Float32Array
  /**
   * Rows of summed attention of a head: f32[rows][count + n], over its tokens as they lay before the run and the new ones.
   * Empty without `sums`.
   */
  seen(layer: number, head: number): Float32Array[]
}

/** The network over ragged pasts; sessions are made for each layout when it is first run. */
export class RaggedDecoder {
  readonly #config: LmConfig
  readonly #params: Params
  readonly #runtime: DecoderRuntime
  readonly #sessions: Map<string, Promise<Session>> = new Map()
  readonly #causal: CausalMasks
  readonly #cos: Tensor
  readonly #sin: Tensor
  #closed = false

  constructor(config: LmConfig, params: Params, runtime: DecoderRuntime) {
    this.#config = config
    this.#params = params
    this.#runtime = runtime
    this.#causal = new CausalMasks(config.heads / config.kvHeads)
    const { cos, sin } = ropeTables(config, config.ctx)
    this.#cos = cos
    this.#sin = sin
  }

  /**
   * Run new tokens; the memory is left as it is.
   *
   * @param input ids, or hidden states f32[n, hidden] before layer `from`
   * @param positions of the new tokens, below `config.ctx`
   * @throws PithError `PITH_ARG` a token that is not there · `PITH_LIMIT` a position that is not
   */
  async run(
    memory: RaggedMemory,
    input: Int32Array | Float32Array,
    positions: Int32Array,
    { rows = [], sums, from = 0, to = this.#config.layers }: RaggedWanted = {},
  ): Promise<RaggedComputed> {
    if (this.#closed) throw new PithError('PITH_ARG', 'the model is closed')
    const { heads, kvHeads, hidden, layers, vocab } = this.#config
    const n = positions.length
    const session = await this.#session(memory, from, to, sums !== undefined)
    const feeds: Record<string, Tensor> = {
      [ENDS.cos]: angleRows(this.#cos, positions),
      [ENDS.sin]: angleRows(this.#sin, positions),
      [ENDS.causal]: this.#causal.of(n),
      [ENDS.fresh]: new Tensor(BigInt64Array.of(BigInt(-n)), [1]),
      ...memory.feeds(from, to),
    }
    if (input instanceof Int32Array) {
      for (const id of input) {
        if (!(id >= 0 && id < vocab)) throw new PithError('PITH_ARG', `there is no token ${id}, only ${vocab}`)
      }
      feeds[ENDS.ids] = new Tensor(BigInt64Array.from(input, BigInt), [n])
    } else feeds[ENDS.x] = new Tensor(input, [n, hidden])
    if (to === layers) {
      const wanted = rows.length === 0 ? [0] : rows
      feeds[ENDS.rows] = new Tensor(BigInt64Array.from(wanted, BigInt), [wanted.length])
    }
    if (sums !== undefined) feeds[ENDS.share] = shareOf(kvHeads, heads / kvHeads, n, sums)
    const results = await session.run(feeds)
    const take = (name: string): Float32Array => (results[name] as Tensor).data as Float32Array
    const own = Array.from({ length: to - from }, (_, i) => from + i)
    const counts = own.map((layer) => Array.from({ length: kvHeads }, (_, head) => memory.count(layer, head)))
    return {
      keys: own.map((layer) => take(ENDS.k(layer))),
      values: own.map((layer) => take(ENDS.v(layer))),
      ...(to === layers ? {} : { hidden: take(ENDS.hidden(to)) }),
      ...(to === layers && rows.length > 0 ? { logits: take(ENDS.logits) } : {}),
      seen: (layer, head) => {
        if (sums === undefined) return []
        const groups = memory.groups[layer] as readonly (readonly number[])[]
        const group = groups.findIndex((members) => members.includes(head))
        const slot = (groups[group] as readonly number[]).indexOf(head)
        const data = take(ENDS.groupSeen(layer, group))
        const amount = sumRowCount(sums, n)
        const width = data.length / ((groups[group] as readonly number[]).length * amount)
        const count = (counts[layer - from] as number[])[head] as number
        return Array.from({ length: amount }, (_, row) => {
          const at = (slot * amount + row) * width
          const out = new Float32Array(count + n)
          out.set(data.subarray(at, at + count))
          out.set(data.subarray(at + width - n, at + width), count)
          return out
        })
      },
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    const sessions = [...this.#sessions.values()]
    this.#sessions.clear()
    for (const session of sessions) await (await session).dispose()
  }

  #session(memory: RaggedMemory, from: number, to: number, sums: boolean): Promise<Session> {
    const key = JSON.stringify([memory.groups.slice(from, to), from, to, sums])
    const known = this.#sessions.get(key)
    if (known !== undefined) {
      // The ones used last stand last.
      this.#sessions.delete(key)
      this.#sessions.set(key, known)
      return known
    }
    const made = this.#make(memory, from, to, sums)
    this.#sessions.set(key, made)
    made.catch(() => this.#sessions.delete(key))
    for (const [old, session] of [...this.#sessions].slice(0, Math.max(0, this.#sessions.size - KEPT))) {
      this.#sessions.delete(old)
      // Runs that are under way end first.
      session.then((own) => own.dispose())
    }
    return made
  }

  async #make(memory: RaggedMemory, from: number, to: number, sums: boolean): Promise<Session> {
    const { quant, threads, backend } = this.#runtime
    const { layers } = this.#config
    const all = decoderGraph(this.#config, this.#params, { quant, sums, groups: memory.groups, from, to })
    const names = [to === layers ? ENDS.logits : ENDS.hidden(to)]
    for (let layer = from; layer < to; layer++) {
      names.push(ENDS.k(layer), ENDS.v(layer))
      if (!sums) continue
      for (const group of (memory.groups[layer] ?? []).keys()) names.push(ENDS.groupSeen(layer, group))
    }
    return await compile(Object.fromEntries(names.map((name) => [name, all[name] as Value])), {
      ...(threads === undefined ? {} : { threads }),
      ...(backend === undefined ? {} : { backend }),
    })
  }
}
