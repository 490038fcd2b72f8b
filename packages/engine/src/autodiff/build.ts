/** Short names for the nodes that gradient rules emit. Values of no effect (adding no axes, slicing nothing) emit none. */
import { type DType, isFloat, onnxType } from '../dtype.ts'
import type { Attrs, EmitOptions, Graph, Value } from '../ir/graph.ts'
import { type Shape, sameShape, sizeOf, stridesOf } from '../shape.ts'
import { Tensor } from '../tensor.ts'

type Operand = Value | number

/** From so many rows, of so many elements, on are they summed as a product. */
const MANY_ROWS = 16
const WIDE_ROW = 8

/** Emits into one graph. Numbers stand for constants of the type of the value beside them. */
export class Build {
  readonly graph: Graph

  constructor(graph: Graph) {
    this.graph = graph
  }

  /** First output of an operator. */
  op(name: string, inputs: readonly (Value | undefined)[], attrs: Attrs = {}, options: EmitOptions = {}): Value {
    return this.graph.emit(name, inputs, attrs, options)[0]
  }

  /** A number without axes. */
  number(value: number, dtype: DType): Value {
    if (dtype === 'f32' || dtype === 'f64' || dtype === 'i32' || dtype === 'i64') return this.graph.scalar(value, dtype)
    return this.cast(this.graph.scalar(value, 'f32'), dtype)
  }

  /** A constant of 64-bit integers in a shape. */
  indices(values: readonly number[], shape: Shape): Value {
    return this.graph.constant(new Tensor(BigInt64Array.from(values, BigInt), shape, 'i64'))
  }

  /** A constant of floating-point numbers of a type. */
  floats(values: Float64Array, shape: Shape, dtype: DType): Value {
    if (dtype === 'f64') return this.graph.constant(new Tensor(values, shape, 'f64'))
    return this.cast(this.graph.constant(new Tensor(Float32Array.from(values), shape, 'f32')), dtype)
  }

  fill(value: number, shape: Shape, dtype: DType): Value {
    return this.expand(this.number(value, dtype), shape)
  }

  add(a: Value, b: Operand): Value {
    return this.#binary('Add', a, b)
  }

  sub(a: Value, b: Operand): Value {
    return this.#binary('Sub', a, b)
  }

  mul(a: Value, b: Operand): Value {
    return b === 1 ? a : this.#binary('Mul', a, b)
  }

  div(a: Value, b: Operand): Value {
    return this.#binary('Div', a, b)
  }

  /** `a - b` where the number stands first. */
  from(a: number, b: Value): Value {
    return this.op('Sub', [this.number(a, b.dtype), b])
  }

  /** Where two values compare as asked, one, else zero, in a floating-point type. */
  mask(
    compare: 'Equal' | 'Greater' | 'GreaterOrEqual' | 'Less' | 'LessOrEqual',
    a: Value,
    b: Operand,
    as: DType,
  ): Value {
    return this.cast(this.#binary(compare, a, b), as)
  }

  neg(x: Value): Value {
    return this.op('Neg', [x])
  }

  square(x: Value): Value {
    return this.op('Mul', [x, x])
  }

  cast(x: Value, dtype: DType): Value {
    return x.dtype === dtype ? x : this.op('Cast', [x], { to: onnxType(dtype) })
  }

  reshape(x: Value, shape: Shape): Value {
    return sameShape(x.shape, shape) ? x : this.op('Reshape', [x, this.graph.ints(shape)])
  }

  expand(x: Value, shape: Shape): Value {
    return sameShape(x.shape, shape) ? x : this.op('Expand', [x, this.graph.ints(shape)])
  }

  transpose(x: Value, perm: readonly number[]): Value {
    return perm.every((axis, place) => axis === place) ? x : this.op('Transpose', [x], { perm })
  }

  sum(x: Value, axes: readonly number[], keepdims: boolean = true): Value {
    return this.reduce('ReduceSum', x, axes, keepdims)
  }

  mean(x: Value, axes: readonly number[]): Value {
    return this.reduce('ReduceMean', x, axes, true)
  }

  reduce(name: string, x: Value, axes: readonly number[], keepdims: boolean): Value {
    return axes.length === 0 ? x : this.op(name, [x, this.graph.ints(axes)], { keepdims: keepdims ? 1 : 0 })
  }

  /** Sum over the axes along which a value of `shape` was broadcast. */
  unbroadcast(g: Value, shape: Shape): Value {
    if (sameShape(g.shape, shape)) return g
    const lead = g.shape.length - shape.length
    if (lead > 0 && sameShape(g.shape.slice(lead), shape)) return this.#sumRows(g, shape)
    const axes = [...g.shape.keys()].filter((axis) => axis < lead || (shape[axis - lead] === 1 && g.shape[axis] !== 1))
    return this.reshape(this.sum(g, axes), shape)
  }

  /** The sum over the axes before those of `shape`. */
  #sumRows(g: Value, shape: Shape): Value {
    const width = sizeOf(shape)
    const rows = g.size / width
    // A product with ones has half the error of ReduceSum, which adds up row by row, for a fifth more time.
    if (g.dtype === 'f32' && rows >= MANY_ROWS && width >= WIDE_ROW) {
      return this.reshape(this.matmul(this.fill(1, [1, rows], 'f32'), this.reshape(g, [rows, width])), shape)
    }
    return this.reshape(this.sum(g, [...g.shape.keys()].slice(0, g.shape.length - shape.length)), shape)
  }

  /** Part of a value: `starts` and `ends` along the axes, which are all of them unless named. */
  slice(
    x: Value,
    starts: readonly number[],
    ends: readonly number[],
    axes?: readonly number[],
    steps?: number[],
  ): Value {
    const along = axes ?? [...x.shape.keys()]
    const isWhole = along.every(
      (axis, i) => starts[i] === 0 && ends[i] === x.shape[axis] && (steps === undefined || steps[i] === 1),
    )
    if (isWhole) return x
    const { graph } = this
    const inputs = [x, graph.ints(starts), graph.ints(ends), graph.ints(along)]
    return this.op('Slice', steps === undefined ? inputs : [...inputs, graph.ints(steps)])
  }

  /** The elements along an axis in reverse. */
  flip(x: Value, axis: number): Value {
    return x.shape[axis] === 1 ? x : this.slice(x, [-1], [-x.shape[axis] - 1], [axis], [-1])
  }

  /** Zeros around a value. */
  pad(x: Value, before: readonly number[], after: readonly number[]): Value {
    if (before.every((n) => n === 0) && after.every((n) => n === 0)) return x
    return this.op('Pad', [x, this.graph.ints([...before, ...after]), this.number(0, x.dtype)], { mode: 'constant' })
  }

  /** Zeros before and after along one axis. */
  padAxis(x: Value, axis: number, before: number, after: number): Value {
    const zeros = x.shape.map(() => 0)
    return this.pad(x, zeros.with(axis, before), zeros.with(axis, after))
  }

  concat(parts: readonly Value[], axis: number): Value {
    return parts.length === 1 ? parts[0] : this.op('Concat', parts, { axis })
  }

  /** `where` on integers and where a factor of zero would not do. */
  where(condition: Value, a: Value, b: Value): Value {
    return this.op('Where', [condition, a, b])
  }

  /** A product of matrices, either of them transposed: Gemm for two axes, else FusedMatMul, which single precision has. */
  matmul(a: Value, b: Value, { ta = false, tb = false }: { ta?: boolean; tb?: boolean } = {}): Value {
    if (a.shape.length === 2 && b.shape.length === 2) {
      return this.op('Gemm', [a, b], { transA: ta ? 1 : 0, transB: tb ? 1 : 0 })
    }
    if (!ta && !tb) return this.op('MatMul', [a, b])
    if (a.dtype === 'f32') {
      const attrs = { transA: ta ? 1 : 0, transB: tb ? 1 : 0, alpha: 1 }
      return this.op('FusedMatMul', [a, b], attrs, { domain: 'com.microsoft' })
    }
    return this.op('MatMul', [ta ? this.swapLast(a) : a, tb ? this.swapLast(b) : b])
  }

  /** The last two axes exchanged. */
  swapLast(x: Value): Value {
    const rank = x.shape.length
    return this.transpose(x, [...Array(rank - 2).keys(), rank - 1, rank - 2])
  }

  /** `matrix[m, n]` applied along an axis of n elements. */
  along(matrix: Value, x: Value, axis: number): Value {
    const [m, n] = matrix.shape
    const before = sizeOf(x.shape.slice(0, axis))
    const after = sizeOf(x.shape.slice(axis + 1))
    const y =
      after === 1
        ? this.matmul(this.reshape(x, [before, n]), matrix, { tb: true })
        : before === 1
          ? this.matmul(matrix, this.reshape(x, [n, after]))
          : this.matmul(matrix, this.reshape(x, [before, n, after]))
    return this.reshape(y, x.shape.with(axis, m))
  }

  /** Integers below zero count from the end of an axis of `length`. */
  wrap(indices: Value, length: number): Value {
    const { data } = indices
    if (data !== undefined && (data.data as BigInt64Array).every((index) => index >= 0)) return indices
    const below = this.op('Less', [indices, this.number(0, indices.dtype)])
    return this.where(below, this.op('Add', [indices, this.number(length, indices.dtype)]), indices)
  }

  /**
   * Rows added up where an index names them: the adjoint of taking rows. A one-hot product for few rows, else
   * ScatterElements, which adds in order; the addition of ScatterND races on more than one thread of onnxruntime.
   *
   * @param rows how many rows there are
   * @param indices int[n]
   * @param g float[p, n, q]
   * @returns float[p, rows, q]
   */
  scatterRows(rows: number, indices: Value, g: Value): Value {
    const [p, n, q] = g.shape
    if (rows <= 64) {
      const range = this.cast(this.indices([...Array(rows).keys()], [rows, 1]), indices.dtype)
      const hot = this.mask('Equal', range, this.reshape(this.wrap(indices, rows), [1, n]), g.dtype)
      const sums = p === 1 ? this.matmul(hot, this.reshape(g, [n, q])) : this.matmul(hot, g)
      return this.reshape(sums, [p, rows, q])
    }
    const places = this.expand(this.reshape(indices, [1, n, 1]), [p, n, q])
    return this.scatterAdd(this.fill(0, [p, rows, q], g.dtype), places, g, 1)
  }

  scatterAdd(into: Value, indices: Value, g: Value, axis: number): Value {
    return this.op('ScatterElements', [into, indices, g], { axis, reduction: 'add' })
  }

  /** Places in a flattened tensor of `shape` of the index vectors int[..., k] of its first k axes. */
  linear(indices: Value, shape: Shape): Value {
    const k = indices.shape[indices.shape.length - 1]
    const lead = shape.slice(0, k)
    const limits = this.cast(this.indices([...lead], [k]), indices.dtype)
    const strides = this.cast(this.indices(stridesOf(lead), [k]), indices.dtype)
    const below = this.op('Less', [indices, this.number(0, indices.dtype)])
    const own = this.where(below, this.op('Add', [indices, limits]), indices)
    return this.sum(this.op('Mul', [own, strides]), [indices.shape.length - 1], false)
  }

  #binary(name: string, a: Value, b: Operand): Value {
    return this.op(name, [a, typeof b === 'number' ? this.number(b, a.dtype) : b])
  }
}

/** Whether a value has a gradient at all. */
export function isDifferentiable(value: Value | undefined): value is Value {
  return value !== undefined && isFloat(value.dtype)
}
