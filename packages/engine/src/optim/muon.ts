/** Muon: Jordan et al., 2024: momentum of matrices, orthogonalised by Newton-Schulz steps; AdamW for all else. */
import { type AdamWOptions, adamw } from './adamw.ts'
import { checkSetting, type Optimizer, type ParamTest } from './optimizer.ts'
import type { Schedule } from './schedules.ts'
import type { Slot } from './store.ts'

/** Coefficients of the quintic whose iteration drives singular values towards 1. */
const QUINTIC = [3.4445, -4.775, 2.0315] as const

/** Parts of a name that mark matrices which Muon leaves to AdamW: embeddings and heads. */
const NOT_HIDDEN = /(^|[._])(w[tp]e|embed\w*|head|logits?)($|[._])/

/** Settings of {@link muon}. */
export interface MuonOptions {
  /** Rate for the matrices. Default 0.02. */
  lr?: number | Schedule
  /** Default 0.95. */
  momentum?: number
  /** Default true. */
  nesterov?: boolean
  /** Newton-Schulz steps. Default 5. */
  steps?: number
  /** Share of the matrices, times the rate, that an update takes away. Default 0. */
  weightDecay?: number
  /** Which parameters are matrices for Muon. Default: two axes, and a name that is no embedding and no head. */
  isHidden?: ParamTest
  /** Settings for all others; `lr` does not count, see `othersRate`. */
  others?: Omit<AdamWOptions, 'lr'>
  /** Rate of the others as a multiple of that of the matrices. Default 0.05. */
  othersRate?: number
}

/** Whether Muon takes a parameter by default. */
export function isHiddenMatrix(name: string, shape: readonly number[]): boolean {
  return shape.length === 2 && Math.min(...shape) > 1 && !NOT_HIDDEN.test(name)
}

/**
 * Steps of one spectral size for the matrices within a network. The products are plain loops in double precision: meant for
 * matrices up to a few hundred rows.
 *
 * @throws PithError `PITH_ARG` settings out of range
 * @complexity O(steps * rows^2 * columns) for a matrix with rows <= columns
 */
export function muon(options: MuonOptions = {}): Optimizer {
  const { lr = 0.02, momentum = 0.95, nesterov = true, steps = 5, weightDecay = 0 } = options
  const { isHidden = isHiddenMatrix, others, othersRate = 0.05 } = options
  checkSetting('momentum', momentum, 0, 1)
  checkSetting('steps', steps, 1, 101)
  checkSetting('weightDecay', weightDecay, 0, Number.POSITIVE_INFINITY)
  checkSetting('othersRate', othersRate, 0, Number.POSITIVE_INFINITY)
  const own = { momentum, nesterov, steps, weightDecay, othersRate }
  const rest = adamw(others, (name, shape) => !isHidden(name, shape))
  return {
    name: 'muon',
    lr,
    settings: {
      ...own,
      ...Object.fromEntries(Object.entries(rest.settings).map(([key, value]) => [`others.${key}`, value])),
    },
    bind(store) {
      const matrices = store.slots.filter(({ name, shape }) => isHidden(name, shape))
      const bound = rest.bind(store)
      // The second moment of a matrix is never used, so AdamW's first one has room for the momentum.
      const velocity = bound.moments['first'] as Float32Array
      return {
        moments: bound.moments,
        update(step, rate) {
          bound.update(step, rate * othersRate)
          for (const slot of matrices) {
            const direction = momentumOf(store.gradients, velocity, slot, momentum, nesterov)
            const [rows, columns] = slot.shape as readonly [number, number]
            const factor = rate * Math.sqrt(Math.max(1, rows / columns))
            const change = orthogonalize(direction, rows, columns, steps)
            move(store.weights, slot.offset, change, 1 - rate * weightDecay, factor)
          }
        },
      }
    },
  }
}

/**
 * A matrix with the singular vectors of `matrix` and singular values of about 1 (0.7 to 1.2 after five steps).
 *
 * @param matrix  f64[rows, columns], not changed
 */
export function orthogonalize(matrix: Float64Array, rows: number, columns: number, steps: number = 5): Float64Array {
  if (rows > columns)
    return transpose(orthogonalize(transpose(matrix, rows, columns), columns, rows, steps), columns, rows)
  let sum = 0
  for (let i = 0; i < matrix.length; i++) sum += (matrix[i] as number) * (matrix[i] as number)
  const scale = 1 / (Math.sqrt(sum) + 1e-7)
  let x: Float64Array = new Float64Array(matrix.length)
  for (let i = 0; i < matrix.length; i++) x[i] = (matrix[i] as number) * scale
  const [a, b, c] = QUINTIC
  for (let step = 0; step < steps; step++) {
    const gram = gramOf(x, rows, columns)
    const factor = product(gram, gram, rows, rows)
    for (let i = 0; i < factor.length; i++) factor[i] = b * (gram[i] as number) + c * (factor[i] as number)
    const next = product(factor, x, rows, columns)
    for (let i = 0; i < next.length; i++) next[i] = (next[i] as number) + a * (x[i] as number)
    x = next
  }
  return x
}

function momentumOf(
  gradients: Float32Array,
  velocity: Float32Array,
  { offset, size }: Slot,
  momentum: number,
  nesterov: boolean,
): Float64Array {
  const direction = new Float64Array(size)
  for (let i = 0; i < size; i++) {
    const g = gradients[offset + i] as number
    const v = momentum * (velocity[offset + i] as number) + g
    velocity[offset + i] = v
    direction[i] = nesterov ? g + momentum * v : v
  }
  return direction
}

function move(weights: Float32Array, offset: number, step: Float64Array, keep: number, rate: number): void {
  for (let i = 0; i < step.length; i++) {
    weights[offset + i] = (weights[offset + i] as number) * keep - rate * (step[i] as number)
  }
}

/** x times its transpose; x is f64[rows, columns]. */
function gramOf(x: Float64Array, rows: number, columns: number): Float64Array {
  const gram = new Float64Array(rows * rows)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0
      for (let k = 0, p = i * columns, q = j * columns; k < columns; k++) {
        sum += (x[p + k] as number) * (x[q + k] as number)
      }
      gram[i * rows + j] = sum
      gram[j * rows + i] = sum
    }
  }
  return gram
}

/** left times right; left is f64[n, n], right f64[n, columns]. */
function product(left: Float64Array, right: Float64Array, n: number, columns: number): Float64Array {
  const out = new Float64Array(n * columns)
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      const factor = left[i * n + k] as number
      for (let j = 0, p = i * columns, q = k * columns; j < columns; j++) {
        out[p + j] = (out[p + j] as number) + factor * (right[q + j] as number)
      }
    }
  }
  return out
}

function transpose(x: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(x.length)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) out[j * rows + i] = x[i * columns + j] as number
  }
  return out
}
