/** Runs the network on new tokens part by part, so that attention is computed outside of it. */
import { PithError } from '@pith/core'
import { compile, type Params, type Session, Tensor } from '@pith/engine'
import type { LmConfig } from '../config.ts'
import { ropeTables } from '../model/rope.ts'
import type { DecoderRuntime } from './decoder.ts'
import { angleRows } from './feeds.ts'
import { SPLIT_ENDS, splitGraph } from './split-graph.ts'

/** New tokens of a layer that attend: all of them to what was before, and each to itself and those of them before it. */
export interface NewTokens {
  readonly layer: number
  readonly count: number
  /** f32[count, (heads + kvHeads) * headDim]: queries and then keys, turned to their positions. */
  readonly turned: Float32Array
  /** f32[count, kvHeads * headDim]. */
  readonly values: Float32Array
}

/** What computes attention: f32[count, heads * headDim] comes back. */
export type Attend = (tokens: NewTokens) => Float32Array

/** The network, cut where attention is. */
export class SplitDecoder {
  readonly config: LmConfig
  readonly #params: Params
  readonly #runtime: DecoderRuntime
  readonly #cos: Tensor
  readonly #sin: Tensor
  #parts: Promise<Session[]> | undefined
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
   * @param rows places among them whose logits are wanted
   * @param attend is called once for each layer, in their order
   * @returns f32[rows, vocab]
   * @throws PithError `PITH_ARG` a token that is not there · `PITH_LIMIT` a position that is not · `PITH_MODEL` · what `attend`
   * throws
   */
  async run(ids: Int32Array, positions: Int32Array, rows: readonly number[], attend: Attend): Promise<Float32Array> {
    if (this.#closed) throw new PithError('PITH_ARG', 'the model is closed')
    const { layers, heads, headDim, hidden, vocab } = this.config
    const count = ids.length
    for (const id of ids) {
      if (!(id >= 0 && id < vocab)) throw new PithError('PITH_ARG', `there is no token ${id}, only ${vocab}`)
    }
    const cos = angleRows(this.#cos, positions)
    const sin = angleRows(this.#sin, positions)
    this.#parts ??= this.#make()
    const parts = await this.#parts
    let feeds: Record<string, Tensor> = { [SPLIT_ENDS.ids]: new Tensor(BigInt64Array.from(ids, BigInt), [count]) }
    for (let layer = 0; layer < layers; layer++) {
      const out = await (parts[layer] as Session).run({ ...feeds, [SPLIT_ENDS.cos]: cos, [SPLIT_ENDS.sin]: sin })
      const take = (name: string): Float32Array => (out[name] as Tensor).data as Float32Array
      const heard = attend({ layer, count, turned: take(SPLIT_ENDS.turned), values: take(SPLIT_ENDS.values) })
      feeds = {
        [SPLIT_ENDS.x]: new Tensor(take(SPLIT_ENDS.sum), [count, hidden]),
        [SPLIT_ENDS.heard]: new Tensor(heard, [count, heads * headDim]),
      }
    }
    if (rows.length === 0) return new Float32Array(0)
    feeds[SPLIT_ENDS.rows] = new Tensor(BigInt64Array.from(rows, BigInt), [rows.length])
    const { logits } = await (parts[layers] as Session).run(feeds)
    return (logits as Tensor).data as Float32Array
  }

  async close(): Promise<void> {
    this.#closed = true
    const parts = await this.#parts
    this.#parts = undefined
    for (const part of parts ?? []) await part.dispose()
  }

  async #make(): Promise<Session[]> {
    const { quant, threads, backend } = this.#runtime
    const made: Session[] = []
    try {
      for (let part = 0; part <= this.config.layers; part++) {
        made.push(
          await compile(splitGraph(this.config, this.#params, quant, part), {
            ...(threads === undefined ? {} : { threads }),
            ...(backend === undefined ? {} : { backend }),
          }),
        )
      }
    } catch (cause) {
      this.#parts = undefined
      for (const part of made) await part.dispose()
      throw cause
    }
    return made
  }
}
