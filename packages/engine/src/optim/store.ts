/** Trainable parameters in one flat array each for weights, gradients and moments, so that an optimiser is one loop. */
import { PithError } from '@pith/core'
import { type Shape, sizeOf } from '../shape.ts'
import { type Params, specText, Tensor } from '../tensor.ts'

/** Elements of 64 bytes: each tensor starts at a multiple of a cache line. */
const ALIGNMENT = 16

/** Largest number of elements of a store: 8 GiB of weights. */
const MAX_ELEMENTS = 2 ** 31

/** Where a parameter lies in the flat arrays. */
export interface Slot {
  readonly name: string
  readonly shape: Shape
  /** First element; a multiple of 16. */
  readonly offset: number
  /** Number of elements. */
  readonly size: number
}

/** Neighbouring elements of the flat arrays that are treated alike, gaps included. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** How a store holds its arrays. */
export interface StoreOptions {
  /** Hold the weights in shared memory, for workers. Default false. */
  shared?: boolean
}

/**
 * Weights and gradients of named `f32` parameters; `params` and `grads` are views of the two flat arrays. The gaps between
 * parameters are zero and stay so under every optimiser here.
 */
export class ParamStore {
  readonly slots: readonly Slot[]
  readonly weights: Float32Array
  readonly gradients: Float32Array
  /** Views of `weights`, by name. */
  readonly params: Params
  /** Views of `gradients`, by name. */
  readonly grads: Params

  /**
   * @param initial  weights to start with; they are copied, in the order of the record
   * @throws PithError `PITH_DTYPE` a parameter that is not `f32` · `PITH_LIMIT` more than 2^31 elements
   */
  constructor(initial: Params, options: StoreOptions = {}) {
    const slots: Slot[] = []
    let length = 0
    for (const [name, tensor] of Object.entries(initial)) {
      if (tensor.dtype !== 'f32') {
        throw new PithError('PITH_DTYPE', `parameter ${name} is ${specText(tensor)}, only f32 is trained`, {
          hint: 'Convert it to f32, or freeze it.',
        })
      }
      const size = sizeOf(tensor.shape)
      slots.push({ name, shape: tensor.shape, offset: length, size })
      length += Math.ceil(size / ALIGNMENT) * ALIGNMENT
      if (length > MAX_ELEMENTS) throw new PithError('PITH_LIMIT', `more than ${MAX_ELEMENTS} elements in one store`)
    }
    this.slots = slots
    const bytes = length * Float32Array.BYTES_PER_ELEMENT
    this.weights = new Float32Array(options.shared === true ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes))
    this.gradients = new Float32Array(length)
    this.params = this.views(this.weights)
    this.grads = this.views(this.gradients)
    this.load(initial)
  }

  /** Elements of each flat array, gaps included. */
  get length(): number {
    return this.weights.length
  }

  /** A zeroed array with the layout of the weights, for a moment or a sum. */
  zeros(): Float32Array {
    return new Float32Array(this.length)
  }

  /** Tensors over a flat array with the layout of the weights. */
  views(flat: Float32Array): Params {
    if (flat.length !== this.weights.length) {
      throw new PithError('PITH_SHAPE', `${flat.length} elements, the store has ${this.weights.length}`)
    }
    return viewsOf(this.slots, flat)
  }

  /**
   * Copy weights into the store.
   *
   * @throws PithError `PITH_SHAPE` a parameter is missing, is not known here or has another shape or type
   */
  load(params: Params, flat: Float32Array = this.weights): void {
    const known = new Set(this.slots.map((slot) => slot.name))
    for (const name of Object.keys(params)) {
      if (!known.has(name)) throw new PithError('PITH_SHAPE', `there is no parameter ${JSON.stringify(name)}`)
    }
    for (const { name, shape } of this.slots) {
      const tensor = params[name]
      if (tensor === undefined) throw new PithError('PITH_SHAPE', `parameter ${name} is missing`)
      if (tensor.dtype !== 'f32' || String(tensor.shape) !== String(shape)) {
        throw new PithError(
          'PITH_SHAPE',
          `parameter ${name} is ${specText(tensor)}, f32[${shape.join(', ')}] is needed`,
        )
      }
    }
    for (const { name, offset } of this.slots) flat.set((params[name] as Tensor).data as Float32Array, offset)
  }

  /** Ranges that cover the parameters that `test` accepts, the others, or all, in order; neighbours are merged. */
  ranges(test: (name: string, shape: Shape) => boolean = () => true): Range[] {
    const ranges: { start: number; end: number }[] = []
    for (const { name, shape, offset, size } of this.slots) {
      if (!test(name, shape)) continue
      const end = offset + Math.ceil(size / ALIGNMENT) * ALIGNMENT
      const last = ranges.at(-1)
      if (last?.end === offset) last.end = end
      else ranges.push({ start: offset, end })
    }
    return ranges
  }
}

/** Tensors over a flat array in which parameters lie at these places. */
export function viewsOf(slots: readonly Slot[], flat: Float32Array): Params {
  // Own properties whatever the names are: `__proto__` is a name as well.
  return Object.fromEntries(
    slots.map(({ name, shape, offset, size }) => [
      name,
      new Tensor(flat.subarray(offset, offset + size), shape, 'f32'),
    ]),
  )
}
