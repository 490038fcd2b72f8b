/** A model against the outputs, the loss and the gradients that PyTorch computed. */
import { PithError } from '@pith/core'
import { fileSource } from '@pith/core/node'
import { transpose } from '../array/movement.ts'
import { grad } from '../autodiff/grad.ts'
import { isFloat } from '../dtype.ts'
import { readNpz } from '../io/npz.ts'
import type { Value } from '../ir/graph.ts'
import { crossEntropy, mse } from '../nn/losses.ts'
import { fromModel, type ImportedModel } from '../onnx/import.ts'
import { loadModel } from '../onnx/node/model-files.ts'
import { type TorchName, torchNames } from '../onnx/torch-names.ts'
import type { Params, Tensor } from '../tensor.ts'
import { holdsIgnored, IGNORED } from '../train/data/losses.ts'
import { largest, NO_MATCH, relativeError } from './compare.ts'
import { compileModel } from './compile-model.ts'
import { matchParameters, type NamedParameter } from './parameter-names.ts'

/** Largest errors that pass, relative to the largest value of the reference. */
export const LIMITS = { forward: 1e-5, loss: 1e-5, grad: 1e-4 } as const
/**
 * A gradient this far below the largest one is rounding, such as that of a bias in front of a normalisation: its error is
 * relative to the largest one.
 */
const ROUNDING = 1e-6
const GRADIENT = 'grad.'

/** How far one tensor is from its reference. */
export interface TensorError {
  readonly name: string
  /** Largest difference relative to the largest value of the reference. */
  readonly error: number
}

/** How far a model is from its references. */
export interface ReferenceReport {
  readonly ok: boolean
  readonly outputs: readonly TensorError[]
  /** Undefined where the file has no `t` or no `loss`. */
  readonly loss: number | undefined
  /** Undefined where they were not asked for. */
  readonly gradients: readonly TensorError[] | undefined
}

/**
 * Run a model on the inputs of a .npz file and compare.
 *
 * Its arrays: `x`, or `x0`, `x1` ... or names of inputs; `y` likewise; `t` the target of the first output, classes of its
 * last axis (integers, cross-entropy) or values (mean squared error); `loss`; and `grad.NAME` for each parameter.
 *
 * @throws PithError `PITH_ARG` arrays that are missing or belong to nothing · those of `loadModel`, `fromModel`, `readNpz`,
 * `grad` and `compile`
 */
export async function checkReference(
  modelPath: string,
  npzPath: string,
  options: { grad?: boolean; signal?: AbortSignal } = {},
): Promise<ReferenceReport> {
  const signal = options.signal === undefined ? {} : { signal: options.signal }
  const arrays = await readNpz(await fileSource(npzPath, signal), signal)
  const proto = await loadModel(modelPath, signal)
  const { initializer = [], input = [], output = [] } = proto.graph ?? {}
  const held = new Set(initializer.map((tensor) => tensor.name))
  const inputNames = input.map(({ name = '' }) => name).filter((name) => !held.has(name))
  const feeds = bindArrays(arrays, inputNames, 'x', 'input')
  const wanted = bindArrays(
    arrays,
    output.map(({ name = '' }) => name),
    'y',
    'output',
  )
  const model = fromModel(proto, { inputs: feeds, untie: true })
  const outputs: Record<string, Value> = { ...model.outputs }
  const loss = lossOf(model, arrays['t'], feeds)
  if (loss !== undefined) outputs['pith.loss'] = loss
  const named = options.grad === true ? gradientsOf(model, torchNames(proto), loss, arrays, outputs) : undefined
  const session = await compileModel(model, outputs)
  try {
    const found = await session.run({ ...model.tensors, ...feeds })
    return report(found, wanted, arrays, named)
  } finally {
    await session.dispose()
  }
}

/** Arrays by the names of the model's inputs or outputs: those names themselves, or `x`, or `x0`, `x1` ... in order. */
function bindArrays(arrays: Params, names: readonly string[], letter: string, role: string): Record<string, Tensor> {
  const bound: Record<string, Tensor> = {}
  for (const [place, name] of names.entries()) {
    const key = [name, ...(names.length === 1 ? [letter] : []), `${letter}${place}`, `${letter}_${place}`].find(
      (own) => Object.hasOwn(arrays, own) && !own.startsWith(GRADIENT),
    )
    if (key === undefined) {
      throw new PithError('PITH_ARG', `the references have no array for the ${role} ${JSON.stringify(name)}`, {
        hint: `Save it as ${names.length === 1 ? letter : `${letter}${place}`}, or under its own name.`,
      })
    }
    bound[name] = arrays[key] as Tensor
  }
  return bound
}

/** The loss of the first output, where there is a target; the target is added to the tensors that a run is given. */
function lossOf(model: ImportedModel, target: Tensor | undefined, feeds: Record<string, Tensor>): Value | undefined {
  const output = Object.values(model.outputs)[0]
  if (target === undefined || output === undefined) return undefined
  const name = 'pith.target'
  feeds[name] = target
  const given = model.graph.input(name, target.dtype, target.shape)
  if (isFloat(target.dtype)) return mse(output, given)
  return crossEntropy(output, given, holdsIgnored(target) ? { ignore: IGNORED } : {})
}

/** Add the gradient of each reference to the outputs. */
function gradientsOf(
  model: ImportedModel,
  known: Readonly<Record<string, TorchName>>,
  loss: Value | undefined,
  arrays: Params,
  outputs: Record<string, Value>,
): NamedParameter[] {
  const shapes = Object.fromEntries(
    Object.entries(arrays).flatMap(([name, { shape }]) =>
      name.startsWith(GRADIENT) ? [[name.slice(GRADIENT.length), shape]] : [],
    ),
  )
  if (loss === undefined || Object.keys(shapes).length === 0) {
    throw new PithError('PITH_ARG', 'the references have no target t, or no gradients', {
      hint: 'Save the target as t and each gradient as grad.NAME, or leave --grad out.',
    })
  }
  const named = matchParameters(shapes, model.params, known)
  const gradients = grad(
    loss,
    named.map(({ value }) => value),
  )
  for (const [place, { name, isTransposed }] of named.entries()) {
    const own = gradients[place] as Value
    outputs[`${GRADIENT}${name}`] = isTransposed ? transpose(own) : own
  }
  return named
}

function report(
  found: Params,
  wanted: Params,
  arrays: Params,
  named: readonly NamedParameter[] | undefined,
): ReferenceReport {
  const outputs = Object.entries(wanted).map(([name, reference]) => ({
    name,
    error: relativeError(found[name] as Tensor, reference),
  }))
  const own = found['pith.loss']
  const loss = own === undefined || arrays['loss'] === undefined ? undefined : relativeError(own, arrays['loss'])
  const references = named?.map(({ name }) => [name, arrays[`${GRADIENT}${name}`] as Tensor] as const)
  const most = (references ?? []).reduce((so, [, reference]) => Math.max(so, largest(reference)), 0)
  const gradients = references?.map(([name, reference]) => ({
    name,
    error: relativeError(
      found[`${GRADIENT}${name}`] as Tensor,
      reference,
      largest(reference) < ROUNDING * most ? most : 0,
    ),
  }))
  const ok = worstOf(outputs) <= LIMITS.forward && (loss ?? 0) <= LIMITS.loss && worstOf(gradients ?? []) <= LIMITS.grad
  return { ok, outputs, loss, gradients }
}

/** The largest of the errors; {@link NO_MATCH} where one is no number. */
export function worstOf(errors: readonly TensorError[]): number {
  return errors.reduce((worst, { error }) => (error >= 0 ? Math.max(worst, error) : NO_MATCH), 0)
}
