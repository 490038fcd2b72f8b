/** Operators that take or put elements at places that are given. */
import { axisOf, type Shape, sameShape, sizeOf } from '../../shape.ts'
import type { Value } from '../graph.ts'
import type { OpDef } from '../registry.ts'
import {
  agree,
  asked,
  type Fold,
  INDEXES,
  type Infer,
  input,
  intAttr,
  isKnown,
  knownSize,
  needRank,
  refuse,
} from './context.ts'
import { cell, pick } from './fold-kernels.ts'

const inferGather: Infer = (c) => {
  const x = input(c, 0)
  const places = input(c, 1, INDEXES)
  const axis = axisOf(intAttr(c, 'axis', 0), x.shape.length, c.op)
  return [{ dtype: x.dtype, shape: x.shape.toSpliced(axis, 1, ...places.shape) }]
}

const foldGather: Fold = ([x, places], node) => {
  if (x === undefined || places === undefined) return undefined
  const axis = axisOf(intAttr(node, 'axis', 0), x.shape.length, node.op)
  const length = x.shape[axis] as number
  const inner = sizeOf(x.shape.slice(axis + 1))
  const count = places.data.length
  const own = Array.from({ length: count }, (_, i) => {
    const place = Number(cell(places.data, i))
    return place < 0 ? place + length : place
  })
  if (own.some((place) => place < 0 || place >= length))
    refuse(node, `an index is outside of axis ${axis} of length ${length}`)
  const { shape } = node.outputs[0] as Value
  return [
    pick(x, shape, (i) => {
      const outer = Math.floor(i / (count * inner))
      const place = own[Math.floor(i / inner) % count] as number
      return (outer * length + place) * inner + (i % inner)
    }),
  ]
}

const inferGatherElements: Infer = (c) => {
  const x = input(c, 0)
  const places = input(c, 1, INDEXES)
  needRank(c, x, 1)
  needRank(c, places, x.shape.length, x.shape.length)
  const axis = axisOf(intAttr(c, 'axis', 0), x.shape.length, c.op)
  needsWithin(c, places.shape, x.shape, axis)
  return [{ dtype: x.dtype, shape: places.shape }]
}

/** Refuse indices that go beyond the data in another axis than the one that is indexed. */
function needsWithin(c: Parameters<Infer>[0], places: Shape, data: Shape, axis: number): void {
  for (const [i, length] of places.entries()) {
    const own = data[i] as number
    if (i !== axis && own >= 0 && length > own) refuse(c, `axis ${i} of the indices is longer than that of the data`)
  }
}

/** Number of leading axes that a vector of indices names. */
function depthOf(c: Parameters<Infer>[0], places: Value, rank: number): number {
  needRank(c, places, 1)
  const depth = places.shape.at(-1) as number
  if (depth < 0) refuse(c, 'how many axes the indices name is not known')
  if (depth > rank) refuse(c, `the indices name ${depth} axes`)
  return depth
}

const inferGatherND: Infer = (c) => {
  const x = input(c, 0)
  const places = input(c, 1, ['i64'])
  const batch = intAttr(c, 'batch_dims', 0)
  if (batch < 0 || batch >= Math.min(x.shape.length, places.shape.length)) refuse(c, `batch_dims is ${batch}`)
  for (let i = 0; i < batch; i++) agree(c, x.shape[i] as number, places.shape[i] as number, `axis ${i}`)
  const depth = depthOf(c, places, x.shape.length - batch)
  return [{ dtype: x.dtype, shape: [...places.shape.slice(0, -1), ...x.shape.slice(batch + depth)] }]
}

const inferScatterElements: Infer = (c) => {
  const x = input(c, 0)
  const places = input(c, 1, INDEXES)
  const updates = input(c, 2, [x.dtype])
  needRank(c, x, 1)
  needRank(c, places, x.shape.length, x.shape.length)
  const axis = axisOf(intAttr(c, 'axis', 0), x.shape.length, c.op)
  needsWithin(c, places.shape, x.shape, axis)
  if (isKnown(places.shape) && isKnown(updates.shape) && !sameShape(places.shape, updates.shape)) {
    refuse(c, 'the updates have not the shape of the indices')
  }
  return [{ dtype: x.dtype, shape: x.shape }]
}

const inferScatterND: Infer = (c) => {
  const x = input(c, 0)
  const places = input(c, 1, ['i64'])
  const updates = input(c, 2, [x.dtype])
  const depth = depthOf(c, places, x.shape.length)
  const wanted = [...places.shape.slice(0, -1), ...x.shape.slice(depth)]
  if (wanted.length !== updates.shape.length) refuse(c, `the updates have not the shape [${wanted.join(', ')}]`)
  for (const [i, length] of wanted.entries()) agree(c, length, updates.shape[i] as number, `axis ${i} of the updates`)
  return [{ dtype: x.dtype, shape: x.shape }]
}

const inferCompress: Infer = (c) => {
  const x = input(c, 0)
  needRank(c, input(c, 1, ['bool']), 1, 1)
  if (c.attrs['axis'] === undefined) return [{ dtype: x.dtype, shape: [-1] }]
  const axis = axisOf(intAttr(c, 'axis', 0), x.shape.length, c.op)
  return [{ dtype: x.dtype, shape: x.shape.with(axis, -1) }]
}

const inferUnique: Infer = (c) => {
  const x = input(c, 0)
  const axis = c.attrs['axis'] === undefined ? undefined : axisOf(intAttr(c, 'axis', 0), x.shape.length, c.op)
  const places = { dtype: 'i64' as const, shape: [-1] }
  const inverse = {
    dtype: 'i64' as const,
    shape: [axis === undefined ? knownSize(x.shape) : (x.shape[axis] as number)],
  }
  const y = { dtype: x.dtype, shape: axis === undefined ? [-1] : x.shape.with(axis, -1) }
  return asked(c, 1, [y, places, inverse, places])
}

export const INDEXING: readonly OpDef[] = [
  { name: 'Compress', infer: inferCompress },
  { name: 'Gather', infer: inferGather, fold: foldGather },
  { name: 'GatherElements', infer: inferGatherElements },
  { name: 'GatherND', infer: inferGatherND },
  { name: 'ScatterElements', infer: inferScatterElements },
  { name: 'ScatterND', infer: inferScatterND },
  { name: 'Unique', infer: inferUnique },
]
