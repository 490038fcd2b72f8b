/** The loss of an output against the targets of a batch. */
import { PithError } from '@pith/core'
import { reshape, transpose } from '../../array/movement.ts'
import { isFloat } from '../../dtype.ts'
import type { Value } from '../../ir/graph.ts'
import { bce, crossEntropy, huber, mae, mse } from '../../nn/losses.ts'
import { type Shape, sameShape, sizeOf } from '../../shape.ts'
import { type Spec, specText, Tensor } from '../../tensor.ts'
import { inType } from './model-inputs.ts'

/** Losses by the names that commands give them. */
export const LOSSES = ['cross-entropy', 'mse', 'mae', 'huber', 'bce'] as const

/** A target that does not count, as in PyTorch. */
export const IGNORED = -100

/** One of {@link LOSSES}. */
export type LossName = (typeof LOSSES)[number]

/** A loss that fits an output and targets. */
export interface TargetLoss {
  readonly name: LossName
  /** Type and shape of the targets of a batch, as `loss` takes them. */
  readonly spec: Spec
  /** Classes, where the targets are such. */
  readonly classes: number | undefined
  /** Whether targets of {@link IGNORED} do not count. */
  readonly ignores: boolean
  loss(output: Value, target: Value): Value
}

const POINTWISE = { mse, mae, huber, bce } as const

/**
 * The loss that is asked for, or the one that suits: cross-entropy for whole numbers, one for each row of classes; else the mean
 * squared error. Classes stand along the last axis of the output, or along its second one as PyTorch has them for pictures.
 *
 * @param output  type and shape for one batch
 * @param target  of the data, for one batch
 * @param options  `ignores`: leave classes of {@link IGNORED} out. Default false
 * @throws PithError `PITH_SHAPE`, `PITH_DTYPE` the targets do not fit the output
 */
export function targetLoss(
  output: Spec,
  target: Spec,
  name?: LossName,
  options: { ignores?: boolean } = {},
): TargetLoss {
  const { ignores = false } = options
  const axis = isFloat(target.dtype) ? undefined : classAxis(output.shape, target.shape)
  const chosen = name ?? (axis === undefined ? 'mse' : 'cross-entropy')
  if (chosen === 'cross-entropy') {
    if (axis === undefined) {
      throw new PithError('PITH_SHAPE', `cross-entropy needs a class for each row of the output`, {
        hint: `The output is ${specText(output)}, the targets are ${specText(target)}: whole numbers, without the axis of classes.`,
      })
    }
    return {
      name: chosen,
      spec: { dtype: 'i64', shape: target.shape },
      classes: output.shape[axis] as number,
      ignores,
      loss: (logits, own) =>
        crossEntropy(
          axis === output.shape.length - 1 ? logits : classesLast(logits),
          own,
          ignores ? { ignore: IGNORED } : {},
        ),
    }
  }
  // A column of one is as good as none.
  if (sizeOf(output.shape) !== sizeOf(target.shape) || !sameShape(thick(output.shape), thick(target.shape))) {
    throw new PithError('PITH_SHAPE', `the targets are ${specText(target)}, the output is ${specText(output)}`, {
      hint: 'Each row of the targets must have the shape of a row of the output.',
    })
  }
  return {
    name: chosen,
    spec: { dtype: 'f32', shape: output.shape },
    classes: undefined,
    ignores: false,
    loss: (own, wanted) => POINTWISE[chosen](own, reshape(wanted, own.shape)),
  }
}

/** The axis of the output that the targets have not. */
function classAxis(output: Shape, target: Shape): number | undefined {
  const last = output.length - 1
  if (last >= 1 && sameShape(output.slice(0, -1), target)) return last
  const rest = [...output.slice(0, 1), ...output.slice(2)]
  return output.length > 2 && sameShape(rest, target) ? 1 : undefined
}

function classesLast(logits: Value): Value {
  const axes = logits.shape.map((_, axis) => axis)
  return transpose(logits, [0, ...axes.slice(2), 1])
}

function thick(shape: Shape): number[] {
  return shape.filter((length) => length !== 1)
}

/** Whether some classes are {@link IGNORED}. */
export function holdsIgnored({ dtype, data }: Tensor): boolean {
  if (isFloat(dtype)) return false
  return (data as ArrayLike<number> & { includes(value: unknown): boolean }).includes(
    data instanceof BigInt64Array ? BigInt(IGNORED) : IGNORED,
  )
}

/**
 * Targets of a batch as its loss takes them.
 *
 * @throws PithError `PITH_ARG` a class that there is not · `PITH_DTYPE`
 */
export function asTargets(tensor: Tensor, { spec, classes, ignores }: TargetLoss, name: string): Tensor {
  if (classes === undefined) {
    const floats = isFloat(tensor.dtype) ? inType(tensor, 'f32', name).data : Array.from(tensor.data, Number)
    return new Tensor(Float32Array.from(floats as ArrayLike<number>), spec.shape)
  }
  const own = inType(tensor, 'i64', name)
  for (const value of own.data as BigInt64Array) {
    if ((value >= 0n && value < classes) || (ignores && value === BigInt(IGNORED))) continue
    throw new PithError('PITH_ARG', `${name} holds the class ${value}, the model has ${classes}: 0 to ${classes - 1}`, {
      hint: `Number the classes from 0 on; ${IGNORED} leaves a target out.`,
    })
  }
  return own
}
