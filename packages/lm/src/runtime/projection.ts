/** Products with the matrices of a model, in the precision that they are held in. */
import { PithError } from '@pith/core'
import { type Graph, type Params, type Shape, Tensor, type Value } from '@pith/engine'
import { QUANT_BITS, QUANT_BLOCK, type Quant, quantiseMatrix } from './quantise.ts'

/** A parameter in single precision. @throws PithError `PITH_MODEL` it is missing, or of another type or shape */
export function parameter(params: Params, name: string, shape: Shape): Tensor {
  const tensor = params[name]
  if (tensor === undefined) throw new PithError('PITH_MODEL', `the model has no parameter ${name}`)
  if (tensor.dtype !== 'f32' || String(tensor.shape) !== String(shape)) {
    throw new PithError('PITH_MODEL', `${name} must be f32[${shape}], got ${tensor.dtype}[${tensor.shape}]`)
  }
  return tensor
}

/** Puts a tensor of the model, or several joined, into a graph under its name. */
export type Place = (name: string, tensor: Tensor) => Value

/** What stands between the names of matrices that are joined. */
export const JOINT = '+'

/** Emits products; matrices that read the same input stand in one product. */
export class Projections {
  readonly #graph: Graph
  readonly #params: Params
  readonly #quant: Quant
  readonly #place: Place

  constructor(graph: Graph, params: Params, quant: Quant, place: Place = (_, own) => graph.constant(own)) {
    this.#graph = graph
    this.#params = params
    this.#quant = quant
    this.#place = place
  }

  /**
   * x times the transposed matrices, side by side.
   *
   * @param x f32[n, inputs]
   * @param names of matrices [widths[i], inputs]
   * @param biases names of what is added to each, or none
   * @returns f32[n, sum of widths]
   */
  apply(
    x: Value,
    names: readonly string[],
    widths: readonly number[],
    inputs: number,
    biases: readonly string[] = [],
  ): Value {
    const parts = names.map((name, i) => parameter(this.#params, name, [widths[i] as number, inputs]))
    const width = widths.reduce((sum, own) => sum + own, 0)
    const matrix = parts.length === 1 ? (parts[0] as Tensor) : new Tensor(joined(parts), [width, inputs])
    const additions = biases.map((name, i) => parameter(this.#params, name, [widths[i] as number]))
    const bias =
      additions.length === 0 ? undefined : this.#place(biases.join(JOINT), new Tensor(joined(additions), [width]))
    const name = names.join(JOINT)
    if (this.#quant === 'f32') {
      const given = [x, this.#place(name, matrix), ...(bias === undefined ? [] : [bias])]
      return this.#graph.emit('Gemm', given, { transA: 0, transB: 1, alpha: 1, beta: 1 })[0] as Value
    }
    const bits = QUANT_BITS[this.#quant]
    const { codes, scales } = quantiseMatrix(matrix.data as Float32Array, width, inputs, bits)
    const blocks = Math.ceil(inputs / QUANT_BLOCK)
    const packed = new Tensor(codes, [width, blocks, (QUANT_BLOCK * bits) / 8])
    const product = this.#graph.emit(
      'MatMulNBits',
      [x, this.#place(`${name}.codes`, packed), this.#place(`${name}.scales`, new Tensor(scales, [width * blocks]))],
      { K: inputs, N: width, bits, block_size: QUANT_BLOCK, accuracy_level: 4 },
      { domain: 'com.microsoft' },
    )[0] as Value
    return bias === undefined ? product : (this.#graph.emit('Add', [product, bias])[0] as Value)
  }
}

function joined(parts: readonly Tensor[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, { data }) => sum + data.length, 0))
  let at = 0
  for (const { data } of parts) {
    out.set(data as Float32Array, at)
    at += data.length
  }
  return out
}
