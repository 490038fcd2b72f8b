/** Muon whose products run in onnxruntime, and Adam for the rest: one update of a store. */
import {
  adamw,
  type BoundOptimizer,
  type Jitted,
  jit,
  nn,
  ops,
  type ParamStore,
  type Params,
  Tensor,
} from '@pith/engine'

void nn

/** Coefficients of the quintic whose iteration drives singular values towards 1. */
const [A, B, C] = [3.4445, -4.775, 2.0315]

const STEPS = 5

/** Settings of both. */
export interface Rates {
  readonly momentum: number
  readonly betas: readonly [number, number]
}

/** Whether Muon takes a parameter. */
export function isMatrix(name: string): boolean {
  return name.startsWith('blocks.') && !name.endsWith('.scale')
}

/** Parameters in an order in which matrices of one shape are neighbours. */
export function groupByShape(params: Params): Params {
  const key = ([name, { shape }]: [string, Tensor]): string => (isMatrix(name) ? `0 ${shape} ${name}` : `1 ${name}`)
  return Object.fromEntries(Object.entries(params).sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0)))
}

interface Group {
  readonly start: number
  readonly end: number
  readonly factor: number
  readonly direction: Tensor
  readonly step: Tensor
}

/** The moments and the sessions of an update; they outlive the stores of single stages, which all have one layout. */
export class MatrixOptimizer {
  readonly velocity: Float32Array
  readonly #direction: Float32Array
  readonly #step: Float32Array
  readonly #groups: Group[] = []
  readonly #run: Jitted = jit(({ x }) => ({ y: orthogonal(x as never) }))
  readonly #momentum: number
  readonly #adam: BoundOptimizer
  readonly #store: ParamStore

  constructor(store: ParamStore, { momentum, betas }: Rates) {
    this.#store = store
    this.#momentum = momentum
    this.velocity = store.zeros()
    this.#direction = store.zeros()
    this.#step = store.zeros()
    this.#adam = adamw({ betas, weightDecay: 0 }, (name) => !isMatrix(name)).bind(store)
    for (const slots of Object.values(
      Object.groupBy(store.slots, ({ name, shape }) => (isMatrix(name) ? String(shape) : '')),
    )) {
      const [first] = slots ?? []
      const last = slots?.at(-1)
      if (first === undefined || last === undefined || !isMatrix(first.name)) continue
      const [start, end] = [first.offset, last.offset + last.size]
      const [rows = 1, columns = 1] = first.shape
      // Stores begin each parameter at a multiple of 16: other sizes leave gaps within a group.
      if ((end - start) % first.size !== 0) throw new Error(`matrices of ${first.size} numbers are no neighbours`)
      const shape = [(end - start) / first.size, rows, columns]
      this.#groups.push({
        start,
        end,
        factor: Math.sqrt(Math.max(1, rows / columns)),
        direction: new Tensor(this.#direction.subarray(start, end), shape),
        step: new Tensor(this.#step.subarray(start, end), shape),
      })
    }
  }

  /** Everything that it remembers, by name. */
  get moments(): Readonly<Record<string, Float32Array>> {
    return { velocity: this.velocity, ...this.#adam.moments }
  }

  /** Change the weights by the gradients of the store; `update` counts from 1. */
  async update(update: number, matrixRate: number, otherRate: number): Promise<void> {
    const { weights, gradients } = this.#store
    for (const { start, end, factor, direction, step } of this.#groups) {
      push(gradients, this.velocity, this.#direction, start, end, this.#momentum)
      await this.#run({ x: direction }, { y: step })
      move(weights, this.#step, start, end, matrixRate * factor)
    }
    this.#adam.update(update, otherRate)
  }

  dispose(): Promise<void> {
    return this.#run.dispose()
  }
}

function push(g: Float32Array, velocity: Float32Array, out: Float32Array, start: number, end: number, m: number): void {
  for (let i = start; i < end; i++) {
    const own = g[i] as number
    const v = m * (velocity[i] as number) + own
    velocity[i] = v
    out[i] = own + m * v
  }
}

function move(weights: Float32Array, step: Float32Array, start: number, end: number, rate: number): void {
  for (let i = start; i < end; i++) weights[i] = (weights[i] as number) - rate * (step[i] as number)
}

/** Matrices x[n, rows, columns] with singular values near 1. */
function orthogonal(x: Parameters<typeof ops.square>[0]): ReturnType<typeof ops.square> {
  const [, rows = 1, columns = 1] = x.shape
  const isWide = rows <= columns
  const size = ops.sqrt(ops.sum(ops.square(x), [1, 2], { keepDims: true }))
  let y = ops.div(x, ops.add(size, 1e-7))
  for (let step = 0; step < STEPS; step++) {
    const gram = isWide ? ops.matmul(y, y, { transB: true }) : ops.matmul(y, y, { transA: true })
    const factor = ops.add(ops.mul(gram, B), ops.matmul(gram, gram, { transB: true, alpha: C }))
    y = ops.add(ops.mul(y, A), isWide ? ops.matmul(factor, y) : ops.matmul(y, factor))
  }
  return y
}
