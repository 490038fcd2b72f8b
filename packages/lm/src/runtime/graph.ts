/**
 * The network with a past that the caller owns. Keys and values of earlier tokens are inputs, only those of the new tokens are
 * outputs: what a step costs does not grow with what is copied.
 */
import { Graph, type Params, Tensor, type Value } from '@pith/engine'
import type { LmConfig } from '../config.ts'
import { type HeadGroups, withoutOrder } from './head-groups.ts'
import { type Place, Projections, parameter } from './projection.ts'
import type { Quant } from './quantise.ts'

/** As far as a slice goes where it goes to the end. */
const END = 2 ** 31 - 1

/** How the graph is made. */
export interface DecoderOptions {
  quant: Quant
  /** Whether attention summed over queries can be asked for; then weights of queries are an input. Default false. */
  sums?: boolean
  /** Heads of each layer that share one past. Default: each layer has one past, and all of them one bias. */
  groups?: HeadGroups
  /** First layer that is run; behind layer 0 hidden states are an input in place of ids. Default 0. */
  from?: number
  /** Layer before which it ends; logits come where that is behind the last. Default all. */
  to?: number
  /** Tensors of the model are inputs of the graph in place of constants, and are put here under their names. */
  named?: Params
}

/** Names of the ends of the graph. */
export const ENDS: Readonly<
  Record<
    'ids' | 'x' | 'rows' | 'cos' | 'sin' | 'causal' | 'share' | 'bias' | 'parts' | 'fresh' | 'logits' | 'final',
    string
  > &
    Record<'pastK' | 'pastV' | 'k' | 'v' | 'q' | 'hidden' | 'seen' | 'attention', (layer: number) => string> &
    Record<'groupK' | 'groupV' | 'groupBias' | 'groupSeen', (layer: number, group: number) => string>
> = {
  ids: 'ids',
  x: 'x',
  rows: 'rows',
  cos: 'cos',
  sin: 'sin',
  causal: 'causal',
  share: 'share',
  bias: 'bias',
  parts: 'parts',
  fresh: 'fresh',
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
  groupK: (layer: number, group: number): string => `pastK.${layer}.${group}`,
  groupV: (layer: number, group: number): string => `pastV.${layer}.${group}`,
  groupBias: (layer: number, group: number): string => `bias.${layer}.${group}`,
  groupSeen: (layer: number, group: number): string => `seen.${layer}.${group}`,
}

/**
 * All that can be computed of new tokens; whoever compiles it picks what is wanted. n new tokens, P places of the past (the
 * capacity), g = heads / kvHeads.
 *
 * Inputs: `ids` i64[n] · `rows` i64[r], the tokens whose logits are wanted · `cos`, `sin` f32[n, headDim / 2] at their
 * positions · `causal` f32[g n, n], added to scores among new tokens · `bias` f32[1, 1, P], added to
 * scores of the past · `parts` i64[2] = [P, n] · `pastK.L` f32[kvHeads, headDim, P] · `pastV.L` f32[kvHeads, P, headDim] ·
 * `share` f32[kvHeads, s, g n] (with `sums`), the weights of queries in `seen`. With `groups` of h heads the past is, in place
 * of `bias`, `parts`, `pastK.L` and `pastV.L`: `fresh` i64[1] = [-n] · `pastK.L.G` f32[h, headDim, P] · `pastV.L.G`
 * f32[h, P, headDim] · `bias.L.G` f32[h, 1, P].
 *
 * Outputs: `logits` f32[r, vocab] · `k.L`, `v.L` f32[kvHeads, n, headDim], keys turned · `q.L` f32[kvHeads, g n, headDim] ·
 * `hidden.L` f32[n, hidden], before layer L (the last: behind all) · `final` f32[n, hidden], normed · `seen.L` f32[kvHeads, s, P + n],
 * attention summed over queries (with `sums`; `seen.L.G` f32[h, s, P + n] with `groups`) · `attention.L` f32[kvHeads, g n, P + n].
 */
export function decoderGraph(
  config: LmConfig,
  params: Params,
  { quant, sums = false, groups, from = 0, to = config.layers, named }: DecoderOptions,
): Record<string, Value> {
  const { layers, heads, kvHeads, headDim, hidden, ffn, vocab, normEps, qkvBias } = config
  const group = heads / kvHeads
  const graph = new Graph()
  const place = placeIn(graph, named)
  const project = new Projections(graph, params, quant, place)
  const cos = graph.input(ENDS.cos, 'f32', [-1, headDim / 2])
  const sin = graph.input(ENDS.sin, 'f32', [-1, headDim / 2])
  const causal = graph.input(ENDS.causal, 'f32', [-1, -1])
  const bias = groups === undefined ? graph.input(ENDS.bias, 'f32', [1, 1, -1]) : undefined
  const parts = groups === undefined ? graph.input(ENDS.parts, 'i64', [2]) : undefined
  const fresh = groups === undefined ? undefined : graph.input(ENDS.fresh, 'i64', [1])
  const share = sums ? graph.input(ENDS.share, 'f32', [kvHeads, -1, -1]) : undefined
  const one = (op: string, inputs: readonly Value[], attrs = {}, domain = ''): Value =>
    graph.emit(op, inputs, attrs, { domain })[0] as Value
  const many = (op: string, inputs: readonly Value[], attrs: object, outputs: number): readonly Value[] =>
    graph.emit(op, inputs, { ...attrs }, { outputs })
  const shaped = (x: Value, ...shape: number[]): Value => one('Reshape', [x, graph.ints(shape)])
  const scale = (name: string): Value => place(name, parameter(params, name, [hidden]))
  const start = graph.constant(new Tensor(BigInt64Array.of(0n), [1]))
  const product = (a: Value, b: Value, attrs: object): Value =>
    one('FusedMatMul', [a, b], { alpha: 1, ...attrs }, 'com.microsoft')
  // A product of one row with a factor of its own packs the whole past first, which takes three times as long; onnxruntime
  // would make one of a scale that is a single number.
  const shrink = graph.constant(new Tensor(new Float32Array(headDim).fill(1 / Math.sqrt(headDim)), [headDim]))
  const outputs: Record<string, Value> = {}
  const table = place('embed.tokens', parameter(params, 'embed.tokens', [vocab, hidden]))
  let x =
    from === 0 ? one('Gather', [table, graph.input(ENDS.ids, 'i64', [-1])]) : graph.input(ENDS.x, 'f32', [-1, hidden])
  const first = scale(`blocks.${from}.norm1.scale`)
  let normed = one('SimplifiedLayerNormalization', [x, first], { epsilon: normEps, axis: -1 })
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
  /** All heads of a layer over one past. */
  const attend = (layer: number, q: Value, k: Value, v: Value): Value => {
    const pastK = graph.input(ENDS.pastK(layer), 'f32', [kvHeads, headDim, -1])
    const pastV = graph.input(ENDS.pastV(layer), 'f32', [kvHeads, -1, headDim])
    const small = one('Mul', [q, shrink])
    const past = one('Add', [one('MatMul', [small, pastK]), bias as Value])
    const own = one('Add', [product(small, k, { transB: 1 }), causal])
    const seen = one('Softmax', [one('Concat', [past, own], { axis: -1 })], { axis: -1 })
    const [ofPast, ofFresh] = many('Split', [seen, parts as Value], { axis: 2 }, 2) as [Value, Value]
    outputs[ENDS.attention(layer)] = seen
    if (share !== undefined) outputs[ENDS.seen(layer)] = one('MatMul', [share, seen])
    return one('Add', [one('MatMul', [ofPast, pastV]), one('MatMul', [ofFresh, v])])
  }
  /** Each group of heads over a past of its own; products of the groups stand in the order of the heads again. */
  const attendInGroups = (layer: number, own: readonly (readonly number[])[], q: Value, k: Value, v: Value): Value => {
    const small = one('Mul', [q, shrink])
    const mixed = own.map((members, group) => {
      const count = members.length
      const pick = (x: Value): Value => (own.length === 1 ? x : one('Gather', [x, graph.ints(members)], { axis: 0 }))
      const pastK = graph.input(ENDS.groupK(layer, group), 'f32', [count, headDim, -1])
      const pastV = graph.input(ENDS.groupV(layer, group), 'f32', [count, -1, headDim])
      const hide = graph.input(ENDS.groupBias(layer, group), 'f32', [count, 1, -1])
      const query = pick(small)
      const past = one('Add', [one('MatMul', [query, pastK]), hide])
      const latest = one('Add', [product(query, pick(k), { transB: 1 }), causal])
      const seen = one('Softmax', [one('Concat', [past, latest], { axis: -1 })], { axis: -1 })
      const axis = graph.ints([2])
      const ofPast = one('Slice', [seen, graph.ints([0]), fresh as Value, axis])
      const ofFresh = one('Slice', [seen, fresh as Value, graph.ints([END]), axis])
      if (share !== undefined) outputs[ENDS.groupSeen(layer, group)] = one('MatMul', [pick(share), seen])
      return one('Add', [one('MatMul', [ofPast, pastV]), one('MatMul', [ofFresh, pick(v)])])
    })
    if (mixed.length === 1) return mixed[0] as Value
    return one('Gather', [one('Concat', mixed, { axis: 0 }), graph.ints(withoutOrder(own))], { axis: 0 })
  }
  for (let layer = from; layer < to; layer++) {
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
    const mixed = groups === undefined ? attend(layer, q, k, v) : attendInGroups(layer, groups[layer] ?? [], q, k, v)
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
  }
  outputs[ENDS.hidden(to)] = x
  if (to < layers) return outputs
  outputs[ENDS.final] = normed
  const chosen = one('Gather', [normed, graph.input(ENDS.rows, 'i64', [-1])])
  outputs[ENDS.logits] = project.apply(chosen, [config.tied ? 'embed.tokens' : 'head.w'], [vocab], hidden)
  return outputs
}

function placeIn(graph: Graph, named: Params | undefined): Place {
  if (named === undefined) return (_, tensor) => graph.constant(tensor)
  const inputs = new Map<string, Value>()
  return (name, tensor) => {
    let input = inputs.get(name)
    if (input === undefined) inputs.set(name, (input = graph.input(name, tensor.dtype, tensor.shape)))
    named[name] = tensor
    return input
  }
}
