/** Which parameter of a graph a reference gradient belongs to. */
import { PithError } from '@pith/core'
import type { Value } from '../ir/graph.ts'
import type { TorchName } from '../onnx/torch-names.ts'
import type { Shape } from '../shape.ts'
import { shapeText } from '../shape.ts'

/** A parameter under the name that it has in PyTorch. */
export interface NamedParameter {
  /** Name in PyTorch: `layers.0.weight`. */
  readonly name: string
  readonly value: Value
  /** Whether the file holds its transpose, as for linear layers that became MatMul. */
  readonly isTransposed: boolean
}

/** Names that PyTorch's exporter makes for constants that it computed, such as transposed weights. */
const MADE_NAME = /^onnx::/

/**
 * Find the parameters by name, also by that which other weights of the file give away; the rest is taken in the order in which
 * both lists have them, by shape, two-dimensional weights of generated names by their transposed shape.
 *
 * @param wanted  shapes of reference gradients by the name of their parameter
 * @param known   names of PyTorch by those of the file, as `torchNames` finds them
 * @throws PithError `PITH_ARG` a reference fits no parameter
 */
export function matchParameters(
  wanted: Readonly<Record<string, Shape>>,
  params: Readonly<Record<string, Value>>,
  known: Readonly<Record<string, TorchName>> = {},
): NamedParameter[] {
  const told = new Map(
    Object.entries(known).flatMap(([made, { name, isTransposed }]) => {
      const value = params[made]
      const shape = wanted[name]
      const suits = value !== undefined && shape !== undefined && fits(made, value, shape)
      return suits ? [[name, { name, value, isTransposed, made }] as const] : []
    }),
  )
  const taken = new Set([...told.values()].map(({ made }) => made))
  const free = Object.keys(params).filter((name) => !Object.hasOwn(wanted, name) && !taken.has(name))
  return Object.entries(wanted).map(([name, shape]) => {
    const own = Object.hasOwn(params, name) ? params[name] : undefined
    if (own !== undefined) return { name, value: own, isTransposed: false }
    const hint = told.get(name)
    if (hint !== undefined) return { name, value: hint.value, isTransposed: hint.isTransposed }
    const place = free.findIndex((other) => fits(other, params[other] as Value, shape))
    if (place < 0) {
      throw new PithError('PITH_ARG', `grad.${name} ${shapeText(shape)} belongs to no parameter of the model`, {
        hint: 'Export with do_constant_folding=False and training=TrainingMode.PRESERVE, which keeps all weights, or leave it out.',
      })
    }
    const made = free.splice(place, 1)[0] as string
    const value = params[made] as Value
    return { name, value, isTransposed: isMatrixOf(made, value) }
  })
}

function isMatrixOf(name: string, { shape }: Value): boolean {
  return MADE_NAME.test(name) && shape.length === 2
}

function fits(name: string, value: Value, shape: Shape): boolean {
  const own = isMatrixOf(name, value) ? [...value.shape].reverse() : value.shape
  return own.join() === shape.join()
}
