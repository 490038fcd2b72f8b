/** Fused attention and rotary positions. */
import { sameShape } from '../../shape.ts'
import type { Spec } from '../../tensor.ts'
import type { Node, Value } from '../graph.ts'
import type { InferContext, OpDef } from '../registry.ts'
import {
  type Applied,
  agree,
  asked,
  FLOATS,
  INDEXES,
  type Infer,
  input,
  needInt,
  needRank,
  optional,
  plus,
  refuse,
  refuseForm,
} from './context.ts'
import { decomposeAttention, decomposeGroupQuery, decomposeMultiHead, decomposeRotary } from './decompose-attention.ts'

const same = ({ dtype, shape }: Spec): Spec => ({ dtype, shape })

/** A quotient that must have no rest. */
function part(c: Applied, length: number, by: number): number {
  if (length < 0) return -1
  return by > 0 && length % by === 0 ? length / by : refuse(c, `${length} does not split into ${by} heads`)
}

/** Lengths of a tensor [batch, heads, steps, width], given so or as [batch, steps, heads · width]. */
function headsOf(c: Applied, value: Value, attr: string): [number, number, number, number] {
  if (value.shape.length === 4) return value.shape as unknown as [number, number, number, number]
  needRank(c, value, 3, 3)
  const heads = needInt(c, attr)
  const [batch, steps, width] = value.shape as [number, number, number]
  return [batch, heads, steps, part(c, width, heads)]
}

/** ONNX's own (opset 23). */
const inferAttention: Infer = (c) => {
  const q = input(c, 0, FLOATS)
  const k = input(c, 1, [q.dtype])
  const v = input(c, 2, FLOATS)
  const [batch, heads, steps, width] = headsOf(c, q, 'q_num_heads')
  const [, kvHeads, keys, keyWidth] = headsOf(c, k, 'kv_num_heads')
  const [, valueHeads, values, valueWidth] = headsOf(c, v, 'kv_num_heads')
  agree(c, width, keyWidth, 'the width of a head')
  agree(c, keys, values, 'the number of keys')
  agree(c, kvHeads, valueHeads, 'the number of heads of keys')
  if (kvHeads > 0 && heads % kvHeads !== 0) refuse(c, `${heads} heads share ${kvHeads} heads of keys`)
  const past = c.inputs[4]?.shape[2] ?? 0
  const total = plus(past, keys)
  const shape = q.shape.length === 4 ? [batch, heads, steps, valueWidth] : [batch, steps, heads * valueWidth]
  return asked(c, 1, [
    { dtype: q.dtype, shape },
    { dtype: k.dtype, shape: [batch, kvHeads, total, width] },
    { dtype: v.dtype, shape: [batch, kvHeads, total, valueWidth] },
    { dtype: q.dtype, shape: [batch, heads, steps, total] },
  ])
}

/** The packed form of BERT: one product gives queries, keys and values. */
const inferPacked: Infer = (c) => {
  const x = input(c, 0, FLOATS)
  const weights = input(c, 1, [x.dtype])
  needRank(c, x, 3, 3)
  needRank(c, weights, 2, 2)
  agree(c, x.shape[2] as number, weights.shape[0] as number, 'the width of the input')
  const heads = needInt(c, 'num_heads')
  const sizes = c.attrs['qkv_hidden_sizes']
  const width = weights.shape[1] as number
  const own = Array.isArray(sizes) ? Number(sizes[2]) : part(c, width, 3)
  const [batch, steps] = x.shape as [number, number]
  const past = c.inputs[4]?.shape[3] ?? 0
  return asked(c, 1, [
    { dtype: x.dtype, shape: [batch, steps, own] },
    { dtype: x.dtype, shape: [2, batch, heads, plus(past, steps), part(c, own, heads)] },
  ])
}

const inferMultiHead: Infer = (c) => {
  const q = input(c, 0, FLOATS)
  const heads = needInt(c, 'num_heads')
  const k = optional(c, 1, [q.dtype])
  const v = optional(c, 2, [q.dtype])
  if (q.shape.length !== 3 || k === undefined || v === undefined) return inferPackedHeads(c, q, heads, k)
  const [batch, steps, width] = q.shape as [number, number, number]
  const keys = k.shape.length === 4 ? (k.shape[2] as number) : (k.shape[1] as number)
  const depth = v.shape.length === 4 ? heads * (v.shape[3] as number) : (v.shape[2] as number)
  const total = plus(c.inputs[6]?.shape[2] ?? 0, keys)
  return asked(c, 1, [
    { dtype: q.dtype, shape: [batch, steps, depth] },
    { dtype: q.dtype, shape: [batch, heads, total, part(c, width, heads)] },
    { dtype: q.dtype, shape: [batch, heads, total, part(c, depth, heads)] },
  ])
}

/** Queries, keys and values in one tensor [batch, steps, heads, 3, width], or keys and values in [.., 2, ..]. */
function inferPackedHeads(c: InferContext, q: Value, heads: number, k: Value | undefined): readonly Spec[] {
  if (q.shape.length === 5) return [{ dtype: q.dtype, shape: [...q.shape.slice(0, 2), heads * (q.shape[4] as number)] }]
  if (k?.shape.length !== 5) refuseForm(c, 'the keys or values are missing')
  return [same(q)]
}

const inferGroupQuery: Infer = (c) => {
  const q = input(c, 0, FLOATS)
  needRank(c, q, 3, 3)
  const [heads, kvHeads] = [needInt(c, 'num_heads'), needInt(c, 'kv_num_heads')]
  if (heads < 1 || kvHeads < 1 || heads % kvHeads !== 0) refuseForm(c, `${heads} heads share ${kvHeads} heads of keys`)
  const [batch, steps, width] = q.shape as [number, number, number]
  const key = optional(c, 1, [q.dtype])
  const head = part(c, width, key === undefined ? heads + 2 * kvHeads : heads)
  if (key !== undefined) agree(c, key.shape.at(-1) as number, head < 0 ? -1 : head * kvHeads, 'the width of the keys')
  const cache = optional(c, 3)
  const given = input(c, 6, ['i32']).data?.data[0]
  const length = typeof given === 'number' ? Math.max(given, cache?.shape[2] ?? 0) : -1
  const present = [batch, kvHeads, cache === undefined && length < 0 ? (steps as number) : length, head]
  return asked(c, 3, [
    { dtype: q.dtype, shape: [batch, steps, head < 0 ? -1 : head * heads] },
    { dtype: q.dtype, shape: present },
    { dtype: q.dtype, shape: present },
  ])
}

/** In com.microsoft the positions stand before the tables; in ONNX (opset 23) behind them, and may be left out. */
const inferRotary =
  (order: readonly [number, number, number]): Infer =>
  (c) => {
    const x = input(c, 0, FLOATS)
    if (x.shape.length !== 3) needRank(c, x, 4, 4)
    const [cos, sin] = [input(c, order[0], FLOATS), input(c, order[1], FLOATS)]
    optional(c, order[2], INDEXES)
    if (!sameShape(cos.shape, sin.shape)) refuse(c, 'the tables of cosines and sines differ')
    return [same(x)]
  }

/** Products of queries with keys and of weights with values. */
function attentionFlops(node: Node): number {
  const [q, k] = node.inputs
  if (q === undefined) return 0
  const keys = k === undefined || k.shape.length < 3 ? (q.shape[1] ?? 1) : (k.shape.at(-2) ?? 1)
  return Math.max(0, 4 * q.size * keys)
}

const microsoft = { domain: 'com.microsoft', flops: attentionFlops } as const

export const ATTENTION: readonly OpDef[] = [
  { name: 'Attention', infer: inferAttention, flops: attentionFlops, decompose: decomposeAttention },
  { name: 'Attention', ...microsoft, infer: inferPacked },
  { name: 'GroupQueryAttention', ...microsoft, infer: inferGroupQuery, decompose: decomposeGroupQuery },
  { name: 'MultiHeadAttention', ...microsoft, infer: inferMultiHead, decompose: decomposeMultiHead },
  { name: 'RotaryEmbedding', infer: inferRotary([1, 2, 3]), decompose: decomposeRotary },
  { name: 'RotaryEmbedding', domain: 'com.microsoft', infer: inferRotary([2, 3, 1]), decompose: decomposeRotary },
]
