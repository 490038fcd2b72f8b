/** Attention whose queries, keys and values are one product, as this product and MultiHeadAttention. */
import type { Attrs, Graph, Node, Value } from '../../ir/graph.ts'
import { intsAttr } from '../../ir/ops/context.ts'
import { noGradient } from '../attrs.ts'
import { Build } from '../build.ts'
import type { Decompositions } from './table.ts'

const KEPT = ['num_heads', 'scale', 'unidirectional', 'mask_filter_value']

function attention(node: Node, graph: Graph): Value[] {
  const b = new Build(graph)
  const [x, weights, bias, mask, past, added] = node.inputs as readonly [Value, Value, ...(Value | undefined)[]]
  if (past !== undefined || node.outputs.length > 1) throw noGradient(node, 'it has a cache')
  if (Number(node.attrs['do_rotary'] ?? 0) !== 0) throw noGradient(node, 'it turns queries and keys')
  const [batch, steps, width] = x.shape
  const total = weights.shape[1]
  const sizes = intsAttr(node, 'qkv_hidden_sizes') ?? [total / 3, total / 3, total / 3]
  const flat = b.reshape(x, [batch * steps, width])
  const product = b.op('Gemm', bias === undefined ? [flat, weights] : [flat, weights, bias])
  const parts = graph.emit(
    'Split',
    [b.reshape(product, [batch, steps, total]), graph.ints(sizes)],
    { axis: 2 },
    { outputs: 3 },
  )
  const attrs: Attrs = Object.fromEntries(Object.entries(node.attrs).filter(([name]) => KEPT.includes(name)))
  const inputs = [...parts, undefined, mask, added]
  const last = inputs.findLastIndex((input) => input !== undefined)
  return [b.op('MultiHeadAttention', inputs.slice(0, last + 1), attrs, { domain: 'com.microsoft' })]
}

export const ATTENTION_DECOMPOSITIONS: Decompositions = { 'com.microsoft:Attention': attention }
