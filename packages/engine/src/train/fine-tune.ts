/** Training of an imported model. */
import { PithError } from '@pith/core'
import type { Graph, Value } from '../ir/graph.ts'
import { type Rewriting, rebuild } from '../ir/passes/rebuild.ts'
import type { ImportedModel } from '../onnx/import.ts'
import { type Params, type Spec, specText } from '../tensor.ts'
import { adapted, isAdapter, loraParams, loraScale } from './lora.ts'
import { addInputs, compileLoss, type Loss, type TrainStep, type TrainStepOptions, type Values } from './step.ts'

/** How an imported model is trained. */
export interface FineTuneOptions extends Omit<TrainStepOptions, 'params' | 'batch'> {
  /** Types and shapes of what a batch has beside the inputs of the model: targets. Default none. */
  batch?: Readonly<Record<string, Spec>>
}

/** Inputs of BatchNormalization that are statistics, which gradients do not change. */
const STATISTICS = [3, 4] as const

/**
 * Compile a training step for an imported model, which stays as it is: write it back with `tunedModel`. Statistics of batch
 * normalisation stay frozen; with `lora` all weights do, and the parameters of the step hold the thin matrices as well: give
 * them to `mergeLora` first.
 *
 * @param loss  gives a scalar from the outputs of the model and the values of a batch, the model's inputs included
 * @throws PithError `PITH_SHAPE` inputs of unknown lengths, and what `compileTrainStep` throws
 */
export async function fineTune(
  model: ImportedModel,
  loss: (outputs: Values, batch: Values) => Loss,
  options: FineTuneOptions,
): Promise<TrainStep> {
  const { lora } = options
  for (const [name, input] of Object.entries(model.inputs)) {
    if (!input.shape.includes(-1)) continue
    throw new PithError('PITH_SHAPE', `the input ${name} is ${specText(input)}, training needs known lengths`, {
      hint: 'Give them when the model is imported: fromModel(model, { dims: { batch: 8 } }).',
    })
  }
  const names = Object.keys(model.outputs)
  const adapters = lora === undefined ? {} : loraParams(trainableOf(model, options), lora, options.seed)
  const program = { graph: model.graph, outputs: Object.values(model.outputs) }
  const copy = rebuild(program, lora === undefined ? {} : adapting(model, adapters, loraScale(lora)))
  const outputs = Object.fromEntries(names.map((name, i) => [name, copy.outputs[i] as Value]))
  // The copy may drop what no output needs; an input that is gone has no gradient either.
  const given = (values: Readonly<Record<string, Spec>>): Values =>
    Object.fromEntries(
      Object.entries(values).map(([name, { dtype, shape }]) => [
        name,
        copy.graph.inputs.find((input) => input.name === name) ?? copy.graph.input(name, dtype, shape),
      ]),
    )
  const params = { ...given(model.params), ...given(adapters) }
  const inputs = given(model.inputs)
  const more = addInputs(copy.graph, { ...options.batch, ...options.noise })
  const trained = lora === undefined ? trainableOf(model, options) : adapters
  return await compileLoss(loss(outputs, { ...inputs, ...more }), params, {
    ...options,
    params: { ...model.tensors, ...adapters },
    batch: { ...inputs, ...options.batch },
    frozen: (name) => !Object.hasOwn(trained, name),
  })
}

/** Parameters that are neither frozen nor statistics. */
function trainableOf(model: ImportedModel, { frozen = () => false }: FineTuneOptions): Params {
  const statistics = statisticsOf(model)
  return Object.fromEntries(
    Object.entries(model.tensors).filter(([name]) => !statistics.has(name) && !frozen(name) && !isAdapter(name)),
  )
}

/** Where a weight with thin matrices is read, it is read with their product. */
function adapting({ params }: ImportedModel, adapters: Params, scale: number): Rewriting {
  const names = new Map(Object.entries(params).map(([name, value]) => [value, name]))
  return {
    value: (old: Value, graph: Graph) => {
      const name = names.get(old)
      const [first, second] = [`${name}.lora_A`, `${name}.lora_B`]
      if (name === undefined || adapters[first] === undefined || adapters[second] === undefined) return undefined
      const given = addInputs(graph, { [name]: old, [first]: adapters[first], [second]: adapters[second] })
      return adapted(given[name] as Value, given[first] as Value, given[second] as Value, scale)
    },
  }
}

/** Names of parameters that are statistics. */
function statisticsOf({ graph, params }: ImportedModel): Set<string> {
  const names = new Map(Object.entries(params).map(([name, value]) => [value, name]))
  const found = new Set<string>()
  for (const node of graph.nodes) {
    if (node.op !== 'BatchNormalization') continue
    for (const place of STATISTICS) {
      const input = node.inputs[place]
      const name = input === undefined ? undefined : names.get(input)
      if (name !== undefined) found.add(name)
    }
  }
  return found
}
