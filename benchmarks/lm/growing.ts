/** What exporters make of a language model: the past goes in, past and present come out, copied at every token. */
import { compile, Graph, type Params, type Session, Tensor, type Value } from '@pith/engine'
import { type LmConfig, ropeTables } from '@pith/lm'
import { Projections, parameter } from '../../packages/lm/src/runtime/projection.ts'

/** The same operators as in the runtime, all but those of the past. */
function growingGraph(config: LmConfig, params: Params): Record<string, Value> {
  const { layers, heads, kvHeads, headDim, hidden, ffn, vocab, normEps, tied } = config
  const group = heads / kvHeads
  const graph = new Graph()
  const project = new Projections(graph, params, 'f32')
  const one = (op: string, inputs: readonly Value[], attrs = {}, domain = ''): Value =>
    graph.emit(op, inputs, attrs, { domain })[0] as Value
  const shaped = (x: Value, ...shape: number[]): Value => one('Reshape', [x, graph.ints(shape)])
  const parts = (x: Value, sizes: readonly number[], axis: number): readonly Value[] =>
    graph.emit('Split', [x, graph.ints(sizes)], { axis }, { outputs: sizes.length })
  const cos = graph.input('cos', 'f32', [-1, headDim / 2])
  const sin = graph.input('sin', 'f32', [-1, headDim / 2])
  const causal = graph.input('causal', 'f32', [-1, -1])
  const start = graph.constant(new Tensor(BigInt64Array.of(0n), [1]))
  const table = graph.constant(parameter(params, 'embed.tokens', [vocab, hidden]))
  const outputs: Record<string, Value> = {}
  let x = one('Gather', [table, graph.input('ids', 'i64', [-1])])
  const scale = (name: string): Value => graph.constant(parameter(params, name, [hidden]))
  const norm = (name: string): Value =>
    one('SimplifiedLayerNormalization', [x, scale(name)], { epsilon: normEps, axis: -1 })
  for (let layer = 0; layer < layers; layer++) {
    const at = `blocks.${layer}`
    const widths = [heads, kvHeads, kvHeads].map((count) => count * headDim)
    const names = ['q', 'k', 'v'].map((name) => `${at}.attn.w${name}`)
    const qkv = project.apply(norm(`${at}.norm1.scale`), names, widths, hidden)
    const [turning, values] = parts(qkv, [(heads + kvHeads) * headDim, kvHeads * headDim], 1) as [Value, Value]
    const turned = one(
      'RotaryEmbedding',
      [shaped(turning, 1, -1, (heads + kvHeads) * headDim), start, cos, sin],
      { num_heads: heads + kvHeads, interleaved: 0, rotary_embedding_dim: headDim },
      'com.microsoft',
    )
    const byHead = one('Transpose', [shaped(turned, -1, heads + kvHeads, headDim)], { perm: [1, 0, 2] })
    const [q, k] = parts(byHead, [heads, kvHeads], 0) as [Value, Value]
    const v = one('Transpose', [shaped(values, -1, kvHeads, headDim)], { perm: [1, 0, 2] })
    const past = (name: string): Value => graph.input(`past${name}.${layer}`, 'f32', [kvHeads, -1, headDim])
    const keys = one('Concat', [past('K'), k], { axis: 1 })
    const all = one('Concat', [past('V'), v], { axis: 1 })
    outputs[`K.${layer}`] = keys
    outputs[`V.${layer}`] = all
    const queries = group === 1 ? q : shaped(q, kvHeads, -1, headDim)
    const alpha = 1 / Math.sqrt(headDim)
    const scores = one('FusedMatMul', [queries, keys], { alpha, transB: 1 }, 'com.microsoft')
    const seen = one('Softmax', [one('Add', [scores, causal])], { axis: -1 })
    const mixed = one('MatMul', [seen, all])
    const heard = one('Transpose', [group === 1 ? mixed : shaped(mixed, heads, -1, headDim)], { perm: [1, 0, 2] })
    const flat = shaped(heard, -1, heads * headDim)
    x = one('Add', [x, project.apply(flat, [`${at}.attn.wo`], [hidden], heads * headDim)])
    const inner = project.apply(norm(`${at}.norm2.scale`), [`${at}.mlp.wGate`, `${at}.mlp.wUp`], [ffn, ffn], hidden)
    const [gate, up] = parts(inner, [ffn, ffn], 1) as [Value, Value]
    const active = one('Mul', [one('QuickGelu', [gate], { alpha: 1 }, 'com.microsoft'), up])
    x = one('Add', [x, project.apply(active, [`${at}.mlp.wDown`], [hidden], ffn)])
  }
  const last = one('Gather', [norm('norm.scale'), graph.constant(new Tensor(BigInt64Array.of(-1n), [1]))])
  outputs['logits'] = project.apply(last, [tied ? 'embed.tokens' : 'head.w'], [vocab], hidden)
  return outputs
}

/** A session whose past is what the run before gave. */
export class GrowingModel {
  readonly #config: LmConfig
  readonly #session: Session
  readonly #tables: ReturnType<typeof ropeTables>
  #past: Record<string, Tensor> = {}
  #length = 0

  private constructor(config: LmConfig, session: Session) {
    this.#config = config
    this.#session = session
    this.#tables = ropeTables(config, config.ctx)
    this.clear()
  }

  static async open(config: LmConfig, params: Params): Promise<GrowingModel> {
    return new GrowingModel(config, await compile(growingGraph(config, params)))
  }

  clear(): void {
    const { layers, kvHeads, headDim } = this.#config
    this.#length = 0
    for (let layer = 0; layer < layers; layer++) {
      for (const name of ['K', 'V']) this.#past[`past${name}.${layer}`] = Tensor.zeros([kvHeads, 0, headDim])
    }
  }

  /** @returns f32[vocab], the logits of the next token */
  async read(ids: Int32Array): Promise<Float32Array> {
    const { layers, heads, kvHeads, headDim } = this.#config
    const n = ids.length
    const from = this.#length
    const rows = (own: Tensor): Tensor => {
      const width = headDim / 2
      return new Tensor((own.data as Float32Array).subarray(from * width, (from + n) * width), [n, width])
    }
    const group = heads / kvHeads
    const causal = new Float32Array(group * n * (from + n))
    for (let row = 0; row < group * n; row++) {
      causal.fill(-1e30, row * (from + n) + from + (row % n) + 1, (row + 1) * (from + n))
    }
    const results = await this.#session.run({
      ...this.#past,
      ids: new Tensor(BigInt64Array.from(ids, BigInt), [n]),
      cos: rows(this.#tables.cos),
      sin: rows(this.#tables.sin),
      causal: new Tensor(causal, [group * n, from + n]),
    })
    for (let layer = 0; layer < layers; layer++) {
      for (const name of ['K', 'V']) this.#past[`past${name}.${layer}`] = results[`${name}.${layer}`] as Tensor
    }
    this.#length += n
    return (results['logits'] as Tensor).data as Float32Array
  }

  close(): Promise<void> {
    return this.#session.dispose()
  }
}
