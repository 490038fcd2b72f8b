/** Sums of products by index letters, lowered to products of matrices. */
import { PithError } from '@pith/core'
import type { Value } from '../ir/graph.ts'
import { einsumShape, parseEquation } from '../ir/ops/einsum.ts'
import { sizeOf } from '../shape.ts'
import { Tensor } from '../tensor.ts'
import { mul } from './elementwise.ts'
import { matmul } from './linear.ts'
import { reshape, squeeze, transpose, unsqueeze } from './movement.ts'
import { sum } from './reduce.ts'

/** A value with a name for each of its axes. */
interface Term {
  readonly value: Value
  readonly names: readonly string[]
}

/**
 * Einstein summation: `einsum('bqd,bkd->bqk', q, k)`. Letters that the result lacks are summed over; `...` stands for axes
 * that broadcast; without `->` the result has the letters that occur once, in the order of the alphabet. More than two
 * operands are joined from left to right.
 *
 * @throws PithError `PITH_ARG` no operands · `PITH_MODEL` no equation · `PITH_SHAPE` ranks or lengths that do not suit it
 */
export function einsum(equation: string, ...xs: readonly Value[]): Value {
  if (xs.length === 0) throw new PithError('PITH_ARG', 'einsum needs one operand at least')
  const { operands, result } = parseEquation(
    equation,
    xs.map((x) => x.shape.length),
  )
  const shapes = xs.map((x) => x.shape)
  const all = [...new Set(operands.flat())]
  const lengths = new Map(
    einsumShape({ operands, result: all }, shapes).map((length, i) => [all[i] as string, length] as const),
  )
  const terms = xs.map((x, i) => prepare({ value: x, names: operands[i] as readonly string[] }, lengths))
  let joined = terms[0] as Term
  for (let i = 1; i < terms.length; i++) {
    const later = terms.slice(i + 1).flatMap(({ names }) => names)
    const keep = new Set([...result, ...later])
    joined = join(joined, terms[i] as Term, keep, i === terms.length - 1 ? result : [])
  }
  return arrange(sumOut(joined, new Set(result)), result)
}

/** Without repeated names, and without axes of length 1 that broadcast to longer ones. */
function prepare(term: Term, lengths: ReadonlyMap<string, number>): Term {
  let { value, names } = term
  for (let axis = 0; axis < names.length; axis++) {
    const other = names.indexOf(names[axis] as string)
    if (other < axis) {
      value = diagonal(value, other, axis)
      names = names.filter((_, own) => own !== axis)
      axis--
    }
  }
  const short = names.flatMap((name, axis) => (value.shape[axis] === 1 && (lengths.get(name) ?? 1) > 1 ? [axis] : []))
  return { value: squeeze(value, short), names: names.filter((_, axis) => !short.includes(axis)) }
}

/** Elements whose places on two axes are equal; the second axis goes. */
function diagonal(x: Value, first: number, second: number): Value {
  const n = x.shape[first] as number
  if (n !== x.shape[second]) throw new PithError('PITH_SHAPE', `einsum: a diagonal of ${n} by ${x.shape[second]}`)
  const eye = new Float32Array(n * n)
  for (let i = 0; i < n; i++) eye[i * n + i] = 1
  const shape = x.shape.map((_, axis) => (axis === first || axis === second ? n : 1))
  const mask = x.graph.constant(new Tensor(x.dtype === 'f64' ? Float64Array.from(eye) : eye, shape))
  return sum(mul(x, mask), second)
}

/** Sums over the axes that are not kept. */
function sumOut({ value, names }: Term, keep: ReadonlySet<string>): Term {
  const gone = names.flatMap((name, axis) => (keep.has(name) ? [] : [axis]))
  return gone.length === 0
    ? { value, names }
    : { value: sum(value, gone), names: names.filter((name) => keep.has(name)) }
}

/** Two terms as one: shared names that are kept are batches, those that are not are summed over. */
function join(left: Term, right: Term, keep: ReadonlySet<string>, result: readonly string[]): Term {
  let a = sumOut(left, new Set([...keep, ...right.names]))
  let b = sumOut(right, new Set([...keep, ...left.names]))
  const inner = a.names.filter((name) => b.names.includes(name) && !keep.has(name))
  if (inner.length === 0) return multiply(a, b)
  const own = (term: Term, other: Term): string[] => term.names.filter((name) => !other.names.includes(name))
  const batch = a.names.filter((name) => b.names.includes(name) && keep.has(name))
  // The other way round where that gives the order that is asked for.
  if (String(result) === String([...batch, ...own(b, a), ...own(a, b)])) [a, b] = [b, a]
  const rows = own(a, b)
  const columns = own(b, a)
  const from = matrixOf(a, batch, rows, inner)
  const to = matrixOf(b, batch, inner, columns)
  const product = matmul(from.value, to.value, { transA: from.isTransposed, transB: to.isTransposed })
  const names = [...batch, ...rows, ...columns]
  const length = new Map([...lengthsOf(a), ...lengthsOf(b)])
  return {
    value: reshape(
      product,
      names.map((name) => length.get(name) as number),
    ),
    names,
  }
}

/** A term as [batch, first, second], or with the last two exchanged where it lies so. */
function matrixOf(
  term: Term,
  batch: readonly string[],
  first: readonly string[],
  second: readonly string[],
): { value: Value; isTransposed: boolean } {
  const isTransposed =
    first.length > 0 && second.length > 0 && String(term.names) === String([...batch, ...second, ...first])
  const order = isTransposed ? term.names : [...batch, ...first, ...second]
  const lengths = lengthsOf(term)
  const size = (names: readonly string[]): number => sizeOf(names.map((name) => lengths.get(name) as number))
  const matrix = isTransposed ? [size(second), size(first)] : [size(first), size(second)]
  const shape = batch.length === 0 ? matrix : [size(batch), ...matrix]
  return { value: reshape(arrange(term, order), shape), isTransposed }
}

/** A product without sums: both with all names, then element by element. */
function multiply(a: Term, b: Term): Term {
  const names = [...a.names, ...b.names.filter((name) => !a.names.includes(name))]
  const wide = (term: Term): Value => {
    const order = names.filter((name) => term.names.includes(name))
    const missing = names.flatMap((name, axis) => (term.names.includes(name) ? [] : [axis]))
    return unsqueeze(arrange(term, order), missing)
  }
  return { value: mul(wide(a), wide(b)), names }
}

/** Axes in the order of names. */
function arrange({ value, names }: Term, order: readonly string[]): Value {
  return transpose(
    value,
    order.filter((name) => names.includes(name)).map((name) => names.indexOf(name)),
  )
}

function lengthsOf({ value, names }: Term): Map<string, number> {
  return new Map(names.map((name, axis) => [name, value.shape[axis] as number] as const))
}
