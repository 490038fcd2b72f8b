/**
 * The network with a past that the caller owns. Keys and values of earlier tokens are inputs, only those of the new tokens are
 * outputs: what a step costs does not grow with what is copied.
 */
import { Graph, type Params, Tensor, type Value } from '@pith/engine'
import type { LmConfig } from '../config.ts'
import { Projections, parameter } from './projection.ts'
import type { Quant } from './quantise.ts'

/** How the graph is made. */
export interface DecoderOptions {
  quant: Quant
  /** Whether attention summed over queries can be asked for; then weights of queries are an input. Default false. */
  sums?: boolean
}

/** Names of the ends of the graph. */
export const ENDS: Readonly<
  Record<'ids' | 'rows' | 'cos' | 'sin' | 'causal' | 'share' | 'bias' | 'parts' | 'logits' | 'final', string> &
    Record<'pastK' | 'pastV' | 'k' | 'v' | 'q' | 'hidden' | 'seen' | 'attention', (layer: number) => string>
> = {
  ids: 'ids',
  rows: 'rows',
  cos: 'cos',
  sin: 'sin',
  causal: 'causal',
  share: 'share',
  bias: 'bias',
  parts: 'parts',
  pastK: (layer: number): string => `pastK.${layer}`,
  pastV: (layer: number): string => `pastV.${layer}`,
  logits: 'logits',
  k: (layer: number): string => `k.${layer}`,
  v: (layer: number): string => `v.${layer}`,
  q: (layer: number): string => `q.${layer}`,
  hidden: (layer: number): string => `hidden.${layer}`,
  final: 'final',
  seen: (layer: number): string => `seen.${layer}`,
  attention: (layer: number): string => `attention.${layer}`,
}

/**
 * All that can be computed of new tokens; whoever compiles it picks what is wanted. n new tokens, P places of the past (the
 * capacity), g = heads / kvHeads.
 *
 * Inputs: `ids` i64[n] · `rows` i64[r], the tokens whose logits are wanted · `cos`, `sin` f32[n, headDim / 2] at their
 * positions · `causal` f32[g n, n], added to scores among new tokens · `bias` f32[1, 1, P], added to
 * scores of the past · `parts` i64[2] = [P, n] · `pastK.L` f32[kvHeads, headDim, P] · `pastV.L` f32[kvHeads, P, headDim] ·
 * `share` f32[kvHeads, 1, g n] (with `sums`), the weights of queries in `seen`.
 *
 * Outputs: `logits` f32[r, vocab] · `k.L`, `v.L` f32[kvHeads, n, headDim], keys turned · `q.L` f32[kvHeads, g n, headDim] ·
 * `hidden.L` f32[n, hidden], before layer L (the last: behind all) · `final` f32[n, hidden], normed · `seen.L` f32[kvHeads, 1, P + n],
 * attention summed over queries (with `sums`) · `attention.L` f32[kvHeads, g n, P + n].
 */
export function decoderGraph(
  config: LmConfig,
  params: Params,
  { quant, sums = false }: DecoderOptions,
): Record<string, Value> {
  const { layers, heads, kvHeads, headDim, hidden, ffn, vocab, normEps, qkvBias } = config
  const group = heads / kvHeads
  const graph = new Graph()
  const project = new Projections(graph, params, quant)
  const ids = graph.input(ENDS.ids, 'i64', [-1])
  const rows = graph.input(ENDS.rows, 'i64', [-1])
  const cos = graph.input(ENDS.cos, 'f32', [-1, headDim / 2])
  const sin = graph.input(ENDS.sin, 'f32', [-1, headDim / 2])
  const causal = graph.input(ENDS.causal, 'f32', [-1, -1])
  const bias = graph.input(ENDS.bias, 'f32', [1, 1, -1])
  const parts = graph.input(ENDS.parts, 'i64', [2])
  const share = sums ? graph.input(ENDS.share, 'f32', [kvHeads, 1, -1]) : undefined
  const one = (op: string, inputs: readonly Value[], attrs = {}, domain = ''): Value =>
    graph.emit(op, inputs, attrs, { domain })[0] as Value
  const many = (op: string, inputs: readonly Value[], attrs: object, outputs: number): readonly Value[] =>
    graph.emit(op, inputs, { ...attrs }, { outputs })
  const shaped = (x: Value, ...shape: number[]): Value => one('Reshape', [x, graph.ints(shape)])
  const scale = (name: string): Value => graph.constant(parameter(params, name, [hidden]))
  const start = graph.constant(new Tensor(BigInt64Array.of(0n), [1]))
  const product = (a: Value, b: Value, attrs: object): Value =>
    one('FusedMatMul', [a, b], { alpha: 1, ...attrs }, 'com.microsoft')
  const alpha = 1 / Math.sqrt(headDim)
  const outputs: Record<string, Value> = {}
  const table = graph.constant(parameter(params, 'embed.tokens', [vocab, hidden]))
  let x = one('Gather', [table, ids])
  let normed = one('SimplifiedLayerNormalization', [x, scale('blocks.0.norm1.scale')], { epsilon: normEps, axis: -1 })
  /** x + y, and its norm, in one operator. */
  const addAndNorm = (y: Value, name: string): void => {
    const [norm, , , sum] = graph.emit(
      'SkipSimplifiedLayerNormalization',
      [x, y, scale(name)],
      { epsilon: normEps },
      { domain: 'com.microsoft', outputs: 4 },
    ) as [Value, Value, Value, Value]
    x = sum
    normed = norm
  }
  for (let layer = 0; layer < layers; layer++) {
    const pastK = graph.input(ENDS.pastK(layer), 'f32', [kvHeads, headDim, -1])
    const pastV = graph.input(ENDS.pastV(layer), 'f32', [kvHeads, -1, headDim])
    const at = `blocks.${layer}`
    outputs[ENDS.hidden(layer)] = x
    const names = ['q', 'k', 'v'].map((name) => `${at}.attn.w${name}`)
    const widths = [heads, kvHeads, kvHeads].map((count) => count * headDim)
    const biases = qkvBias ? ['q', 'k', 'v'].map((name) => `${at}.attn.b${name}`) : []
    const qkv = project.apply(normed, names, widths, hidden, biases)
    const [turning, values] = many(
      'Split',
      [qkv, graph.ints([(heads + kvHeads) * headDim, kvHeads * headDim])],
      { axis: 1 },
      2,
    )
    const flat = shaped(turning as Value, 1, -1, (heads + kvHeads) * headDim)
    const turned = one(
      'RotaryEmbedding',
      [flat, start, cos, sin],
      { num_heads: heads + kvHeads, interleaved: 0, rotary_embedding_dim: headDim },
      'com.microsoft',
    )
    const byHead = one('Transpose', [shaped(turned, -1, heads + kvHeads, headDim)], { perm: [1, 0, 2] })
    const [queries, k] = many('Split', [byHead, graph.ints([heads, kvHeads])], { axis: 0 }, 2) as [Value, Value]
    const v = one('Transpose', [shaped(values as Value, -1, kvHeads, headDim)], { perm: [1, 0, 2] })
    const q = group === 1 ? queries : shaped(queries, kvHeads, -1, headDim)
    const past = one('Add', [product(q, pastK, { alpha }), bias])
    const fresh = one('Add', [product(q, k, { alpha, transB: 1 }), causal])
    const seen = one('Softmax', [one('Concat', [past, fresh], { axis: -1 })], { axis: -1 })
    const [ofPast, ofFresh] = many('Split', [seen, parts], { axis: 2 }, 2) as [Value, Value]
    const mixed = one('Add', [one('MatMul', [ofPast, pastV]), one('MatMul', [ofFresh, v])])
    const heard = one('Transpose', [group === 1 ? mixed : shaped(mixed, heads, -1, headDim)], { perm: [1, 0, 2] })
    const flatHeard = shaped(heard, -1, heads * headDim)
    addAndNorm(project.apply(flatHeard, [`${at}.attn.wo`], [hidden], heads * headDim), `${at}.norm2.scale`)
    const inner = project.apply(normed, [`${at}.mlp.wGate`, `${at}.mlp.wUp`], [ffn, ffn], hidden)
    const [gate, up] = many('Split', [inner, graph.ints([ffn, ffn])], { axis: 1 }, 2) as [Value, Value]
    const active = one('Mul', [one('QuickGelu', [gate], { alpha: 1 }, 'com.microsoft'), up])
    const down = project.apply(active, [`${at}.mlp.wDown`], [hidden], ffn)
    addAndNorm(down, layer + 1 < layers ? `blocks.${layer + 1}.norm1.scale` : 'norm.scale')
    outputs[ENDS.k(layer)] = k
    outputs[ENDS.v(layer)] = v
    outputs[ENDS.q(layer)] = q
    outputs[ENDS.attention(layer)] = seen
    if (share !== undefined) outputs[ENDS.seen(layer)] = one('MatMul', [share, seen])
  }
  outputs[ENDS.hidden(layers)] = x
  outputs[ENDS.final] = normed
  const chosen = one('Gather', [normed, rows])
  outputs[ENDS.logits] = project.apply(chosen, [config.tied ? 'embed.tokens' : 'head.w'], [vocab], hidden)
  return outputs
}
