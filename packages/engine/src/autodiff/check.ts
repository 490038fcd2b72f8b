/** Gradients compared with finite differences. */
import { PithError, Random } from '@pith/core'
import { isFloat } from '../dtype.ts'
import { Graph, type Value } from '../ir/graph.ts'
import type { Backend, Session } from '../runtime/backend.ts'
import { compile } from '../runtime/compile.ts'
import { type Shape, sizeOf } from '../shape.ts'
import { Tensor } from '../tensor.ts'
import { vjp } from './vjp.ts'

/** How gradients are checked. */
export interface CheckOptions {
  /** Step along a direction. Default 0.01. */
  eps?: number
  /** Largest relative error. Default 0.005. */
  tol?: number
  /** Points of the difference: 2 or 4 (default). */
  order?: 2 | 4
  /** Random directions for each input. Default 2. */
  directions?: number
  seed?: number
  backend?: Backend
}

/** A function of some tensors. */
export interface GradientCase {
  readonly name: string
  readonly f: (...inputs: Value[]) => Value | readonly Value[]
  readonly inputs: readonly Tensor[]
}

/** Relative error of the gradient of one input: the largest of all directions. */
export interface GradientError {
  readonly name: string
  readonly input: number
  readonly error: number
}

/**
 * Compare the gradients of a function with central differences of its outputs, weighted at random and summed in double
 * precision, along random directions. Choose inputs away from kinks, around 1 in size.
 *
 * @param inputs those of single precision are checked, the others are fed as they are
 * @returns an error for each input that is checked
 * @throws PithError `PITH_GRADIENT` one is above `tol`, or an operator has no rule
 */
export function checkGradients(
  f: GradientCase['f'],
  inputs: readonly Tensor[],
  options: CheckOptions = {},
): Promise<GradientError[]> {
  return checkGradientCases([{ name: 'f', f, inputs }], options)
}

/** The same for several functions in one session. */
export async function checkGradientCases(
  cases: readonly GradientCase[],
  options: CheckOptions = {},
): Promise<GradientError[]> {
  const { tol = 5e-3, seed = 1, backend } = options
  const program = build(cases, new Random(seed))
  const session = await compile(program.outputs, backend === undefined ? {} : { backend })
  try {
    const errors = await measure(session, program, new Random(seed + 1), options)
    const worst = errors.reduce((a, b) => (b.error > a.error || Number.isNaN(b.error) ? b : a))
    if (worst.error <= tol) return errors
    const what = `the gradient of input ${worst.input} of ${worst.name} is off by ${worst.error.toExponential(2)}`
    throw new PithError('PITH_GRADIENT', `${what}, more than ${tol}`)
  } finally {
    await session.dispose()
  }
}

interface Checked {
  readonly name: string
  /** Inputs by their names in the program; those that are checked have a gradient. */
  readonly inputs: readonly { readonly key: string; readonly tensor: Tensor; readonly gradient: string | undefined }[]
  readonly outputs: readonly { readonly key: string; readonly weights: Tensor }[]
}

interface Program {
  readonly cases: readonly Checked[]
  readonly outputs: Record<string, Value>
}

function build(cases: readonly GradientCase[], random: Random): Program {
  const graph = new Graph()
  const outputs: Record<string, Value> = {}
  const checked = cases.map(({ name, f, inputs }, c): Checked => {
    const values = inputs.map(({ dtype, shape }, i) => graph.input(`x${c}_${i}`, dtype, shape))
    const result = f(...values)
    const results = (Array.isArray(result) ? (result as readonly Value[]) : [result as Value]).filter(({ dtype }) =>
      isFloat(dtype),
    )
    const weights = results.map(({ shape }) => randomTensor(shape, random))
    const wrt = values.filter(({ dtype }) => dtype === 'f32')
    const gradients = vjp(
      results,
      weights.map((tensor) => graph.constant(tensor)),
      wrt,
    )
    for (const [i, value] of results.entries()) outputs[`y${c}_${i}`] = value
    for (const [i, value] of gradients.entries()) outputs[`g${c}_${i}`] = value
    let place = 0
    return {
      name,
      inputs: inputs.map((tensor, i) => ({
        key: `x${c}_${i}`,
        tensor,
        gradient: tensor.dtype === 'f32' ? `g${c}_${place++}` : undefined,
      })),
      outputs: weights.map((own, i) => ({ key: `y${c}_${i}`, weights: own })),
    }
  })
  return { cases: checked, outputs }
}

/** Inputs of the same place are moved together in all cases: they do not touch each other. */
async function measure(
  session: Session,
  { cases }: Program,
  random: Random,
  { eps = 1e-2, order = 4, directions = 2 }: CheckOptions,
): Promise<GradientError[]> {
  const feeds = Object.fromEntries(cases.flatMap(({ inputs }) => inputs.map(({ key, tensor }) => [key, tensor])))
  const gradients = await session.run(feeds)
  const places = Math.max(...cases.map(({ inputs }) => inputs.length))
  const errors: GradientError[] = []
  for (let input = 0; input < places; input++) {
    const moved = cases.filter((own) => own.inputs[input]?.gradient !== undefined)
    if (moved.length === 0) continue
    const worst = new Map<Checked, number>(moved.map((own) => [own, 0]))
    for (let round = 0; round < directions; round++) {
      const steps = new Map(moved.map((own) => [own, randomTensor(own.inputs[input].tensor.shape, random)]))
      const sums = async (scale: number): Promise<Map<Checked, number>> => {
        const at: Record<string, Tensor> = { ...feeds }
        for (const [own, step] of steps) at[own.inputs[input].key] = movedBy(own.inputs[input].tensor, step, scale)
        const results = await session.run(at)
        return new Map(moved.map((own) => [own, weigh(own, results)]))
      }
      const up = await sums(eps)
      const down = await sums(-eps)
      const [up2, down2] = order === 4 ? [await sums(2 * eps), await sums(-2 * eps)] : [undefined, undefined]
      for (const [own, step] of steps) {
        const near = (up.get(own) as number) - (down.get(own) as number)
        const far = ((up2?.get(own) as number) ?? 0) - ((down2?.get(own) as number) ?? 0)
        const slope = order === 4 ? (8 * near - far) / (12 * eps) : near / (2 * eps)
        const error = relativeError(slope, gradients[own.inputs[input].gradient as string], step)
        worst.set(own, Math.max(worst.get(own) as number, error))
      }
    }
    for (const [{ name }, error] of worst) errors.push({ name, input, error })
  }
  return errors
}

function relativeError(slope: number, gradient: Tensor, step: Tensor): number {
  const g = gradient.data as Float32Array
  const d = step.data as Float32Array
  const along = dot(g, d)
  // A direction nearly across the gradient says little: there the error is measured against the gradient's length.
  const usual = Math.sqrt(dot(g, g) * (dot(d, d) / Math.max(1, d.length)))
  const size = Math.max(Math.abs(slope), Math.abs(along), usual / 10)
  return size < 1e-7 ? 0 : Math.abs(slope - along) / size
}

function weigh({ outputs }: Checked, results: Readonly<Record<string, Tensor>>): number {
  let sum = 0
  for (const { key, weights } of outputs) sum += dot(results[key].data as Float32Array, weights.data as Float32Array)
  return sum
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}

function movedBy(tensor: Tensor, step: Tensor, scale: number): Tensor {
  const from = tensor.data as Float32Array
  const by = step.data as Float32Array
  return new Tensor(
    Float32Array.from(from, (x, i) => x + scale * by[i]),
    tensor.shape,
  )
}

/** Elements in [-1, 1). */
function randomTensor(shape: Shape, random: Random): Tensor {
  return new Tensor(
    Float32Array.from({ length: sizeOf(shape) }, () => 2 * random.uniform() - 1),
    shape,
  )
}
