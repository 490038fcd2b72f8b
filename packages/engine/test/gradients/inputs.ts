/** Inputs of gradient checks, which keep away from kinks, and functions of one operator. */
import { Random } from '@pith/core'
import type { GradientCase } from '../../src/autodiff/check.ts'
import type { Attrs, Value } from '../../src/ir/graph.ts'
import { type Shape, sizeOf } from '../../src/shape.ts'
import { Tensor } from '../../src/tensor.ts'

/** Cases by `domain:name` of the operator that they are of. */
export type Cases = Readonly<Record<string, readonly GradientCase[]>>

/** Elements in a range. */
export function within(shape: Shape, low: number = -1, high: number = 1): Tensor {
  const random = new Random(sizeOf(shape) + shape.length)
  const data = Float32Array.from({ length: sizeOf(shape) }, () => low + (high - low) * random.uniform())
  return new Tensor(data, shape)
}

/** Elements of either sign at least 0.2 away from zero. */
export function offZero(shape: Shape, high: number = 1): Tensor {
  const random = new Random(sizeOf(shape) + 7)
  const draw = (): number => (0.2 + (high - 0.2) * random.uniform()) * (random.uniform() < 0.5 ? -1 : 1)
  return new Tensor(Float32Array.from({ length: sizeOf(shape) }, draw), shape)
}

/** Elements of several tensors no two of which are near each other. */
export function apart(...shapes: Shape[]): Tensor[] {
  const total = shapes.reduce((sum, shape) => sum + sizeOf(shape), 0)
  const order = Array.from({ length: total }, (_, i) => i)
  const random = new Random(total)
  for (let i = total - 1; i > 0; i--) {
    const j = random.integer(i + 1)
    ;[order[i], order[j]] = [order[j], order[i]]
  }
  let start = 0
  return shapes.map((shape) => {
    const own = order.slice(start, (start += sizeOf(shape)))
    return new Tensor(
      Float32Array.from(own, (place) => (place - total / 2) * 0.06),
      shape,
    )
  })
}

export function ints(values: readonly number[], shape: Shape = [values.length]): Tensor {
  return new Tensor(BigInt64Array.from(values, BigInt), shape, 'i64')
}

/** A function that applies an operator to its inputs; `constants` follow these, and undefined leaves one out. */
export function apply(
  name: string,
  attrs: Attrs = {},
  constants: readonly (Tensor | undefined)[] = [],
  outputs?: number,
): GradientCase['f'] {
  const [domain, op] = name.split(':')
  return (...inputs: Value[]) => {
    const { graph } = inputs[0]
    const all = [...inputs, ...constants.map((tensor) => (tensor === undefined ? undefined : graph.constant(tensor)))]
    return graph.emit(op, all, attrs, { domain, ...(outputs === undefined ? {} : { outputs }) })
  }
}

/** A list of cases of one operator. */
export function cases(
  name: string,
  ...list: [inputs: readonly Tensor[], attrs?: Attrs, constants?: readonly (Tensor | undefined)[], outputs?: number][]
): [string, GradientCase[]] {
  return [
    name,
    list.map(([inputs, attrs, constants, outputs], i) => ({
      name: `${name} ${i}`,
      f: apply(name, attrs, constants, outputs),
      inputs,
    })),
  ]
}
