/**
 * The network in layers + 1 parts between which attention is computed by whoever holds the past, in whatever form: what a part
 * gives are queries, keys and values of new tokens, what the next one takes is what was heard of them.
 */
import { Graph, type Params, Tensor, type Value } from '@pith/engine'
import type { LmConfig } from '../config.ts'
import { Projections, parameter } from './projection.ts'
import type { Quant } from './quantise.ts'

/** Names of the ends of a part. */
export const SPLIT_ENDS = {
  ids: 'ids',
  x: 'x',
  heard: 'heard',
  cos: 'cos',
  sin: 'sin',
  rows: 'rows',
  sum: 'sum',
  turned: 'turned',
  values: 'values',
  logits: 'logits',
} as const

/**
 * Part `part` of 0 .. `config.layers`: what is behind the attention of layer `part` - 1, and before that of layer `part`.
 *
 * Inputs: `ids` i64[n] of the first part, `x` f32[n, hidden] and `heard` f32[n, heads * headDim] of the others · `cos`, `sin`
 * f32[n, headDim / 2] at the positions · `rows` i64[r] of the last part, the tokens whose logits are wanted.
 *
 * Outputs: `sum` f32[n, hidden], the `x` of the next part · `turned` f32[n, (heads + kvHeads) * headDim], queries and then keys at
 * their positions · `values` f32[n, kvHeads * headDim] · of the last part only `logits` f32[r, vocab].
 */
export function splitGraph(config: LmConfig, params: Params, quant: Quant, part: number): Record<string, Value> {
  const { layers, heads, kvHeads, headDim, hidden, ffn, vocab, normEps, qkvBias } = config
  const graph = new Graph()
  const project = new Projections(graph, params, quant)
  const one = (op: string, inputs: readonly Value[], attrs = {}, domain = ''): Value =>
    graph.emit(op, inputs, attrs, { domain })[0] as Value
  const halves = (x: Value, sizes: readonly number[]): [Value, Value] =>
    graph.emit('Split', [x, graph.ints(sizes)], { axis: 1 }, { outputs: 2 }) as unknown as [Value, Value]
  const scale = (name: string): Value => graph.constant(parameter(params, name, [hidden]))
  const addAndNorm = (x: Value, y: Value, name: string): [normed: Value, sum: Value] => {
    const out = graph.emit(
      'SkipSimplifiedLayerNormalization',
      [x, y, scale(name)],
      { epsilon: normEps },
      { domain: 'com.microsoft', outputs: 4 },
    ) as [Value, Value, Value, Value]
    return [out[0], out[3]]
  }
  const behind = (at: string): [normed: Value, sum: Value] => {
    const heard = graph.input(SPLIT_ENDS.heard, 'f32', [-1, heads * headDim])
    const mixed = project.apply(heard, [`${at}.attn.wo`], [hidden], heads * headDim)
    const [own, x] = addAndNorm(graph.input(SPLIT_ENDS.x, 'f32', [-1, hidden]), mixed, `${at}.norm2.scale`)
    const [gate, up] = halves(project.apply(own, [`${at}.mlp.wGate`, `${at}.mlp.wUp`], [ffn, ffn], hidden), [ffn, ffn])
    const active = one('Mul', [one('QuickGelu', [gate], { alpha: 1 }, 'com.microsoft'), up])
    const down = project.apply(active, [`${at}.mlp.wDown`], [hidden], ffn)
    return addAndNorm(x, down, part < layers ? `blocks.${part}.norm1.scale` : 'norm.scale')
  }
  const first = (): [normed: Value, sum: Value] => {
    const table = graph.constant(parameter(params, 'embed.tokens', [vocab, hidden]))
    const x = one('Gather', [table, graph.input(SPLIT_ENDS.ids, 'i64', [-1])])
    const normed = one('SimplifiedLayerNormalization', [x, scale('blocks.0.norm1.scale')], {
      epsilon: normEps,
      axis: -1,
    })
    return [normed, x]
  }
  const [normed, sum] = part === 0 ? first() : behind(`blocks.${part - 1}`)
  if (part === layers) {
    const chosen = one('Gather', [normed, graph.input(SPLIT_ENDS.rows, 'i64', [-1])])
    const head = config.tied ? 'embed.tokens' : 'head.w'
    return { [SPLIT_ENDS.logits]: project.apply(chosen, [head], [vocab], hidden) }
  }
  const names = ['q', 'k', 'v'].map((name) => `blocks.${part}.attn.w${name}`)
  const biases = qkvBias ? ['q', 'k', 'v'].map((name) => `blocks.${part}.attn.b${name}`) : []
  const widths = [heads, kvHeads, kvHeads].map((count) => count * headDim)
  const turning = (heads + kvHeads) * headDim
  const [plain, values] = halves(project.apply(normed, names, widths, hidden, biases), [turning, kvHeads * headDim])
  const turned = one(
    'RotaryEmbedding',
    [
      one('Reshape', [plain, graph.ints([1, -1, turning])]),
      graph.constant(new Tensor(BigInt64Array.of(0n), [1])),
      graph.input(SPLIT_ENDS.cos, 'f32', [-1, headDim / 2]),
      graph.input(SPLIT_ENDS.sin, 'f32', [-1, headDim / 2]),
    ],
    { num_heads: heads + kvHeads, interleaved: 0, rotary_embedding_dim: headDim },
    'com.microsoft',
  )
  return {
    [SPLIT_ENDS.sum]: sum,
    [SPLIT_ENDS.turned]: one('Reshape', [turned, graph.ints([-1, turning])]),
    [SPLIT_ENDS.values]: values,
  }
}
