/** Names that weights have in PyTorch, where its exporter has given them others. */
import type { ModelProto, NodeProto } from './proto.ts'

/** What a weight is in PyTorch. */
export interface TorchName {
  readonly name: string
  /** Whether the file holds the transpose: that of a Linear before a MatMul. */
  readonly isTransposed: boolean
}

/** What the exporter calls a weight that it has changed: `onnx::MatMul_123`. */
const GENERATED = /^onnx::\w+_\d+$/

/**
 * The names of weights that stand under generated ones: the name of the bias that is added behind says it, or that of the
 * node. Copies of weights, which the exporter makes of equal ones, have names of their own. Weights that were changed otherwise (merged into a convolution, gates put in another order) are not named.
 */
export function torchNames(model: ModelProto): Record<string, TorchName> {
  const { node: nodes = [], initializer = [] } = model.graph ?? {}
  const weights = new Set(initializer.map(({ name = '' }) => name))
  for (const { opType, input, output } of nodes) {
    if (opType === 'Identity' && weights.has(input?.[0] ?? '')) weights.add(output?.[0] ?? '')
  }
  const readers = new Map<string, NodeProto[]>()
  for (const node of nodes) {
    for (const name of node.input ?? []) {
      const known = readers.get(name)
      if (known === undefined) readers.set(name, [node])
      else known.push(node)
    }
  }
  const names: Record<string, TorchName> = Object.create(null)
  const taken = new Set(weights)
  for (const node of nodes) {
    const weight = node.input?.[1] ?? ''
    if (node.opType !== 'MatMul' || !weights.has(weight) || !GENERATED.test(weight) || weight in names) continue
    const sum = readers.get(node.output?.[0] ?? '')?.find(({ opType }) => opType === 'Add')
    const bias = sum?.input?.find((name) => weights.has(name) && name.endsWith('bias'))
    const name = bias === undefined ? nameOfNode(node) : bias.replace(/bias$/, 'weight')
    if (name === undefined || taken.has(name)) continue
    taken.add(name)
    names[weight] = { name, isTransposed: true }
  }
  return names
}

/**
 * `/encoder/layers.0/linear1/MatMul` is of the module `encoder.layers.0.linear1`. What a Sequential calls repeats its name:
 * `/mlp/mlp.2/MatMul` is of `mlp.2`.
 */
function nameOfNode({ name = '' }: NodeProto): string | undefined {
  const path = /^\/(.+)\/MatMul(_\d+)?$/.exec(name)?.[1]?.split('/')
  const own = path?.filter((part, i) => {
    const next = path[i + 1] ?? ''
    return !(next.startsWith(`${part}.`) && /^\d+$/.test(next.slice(part.length + 1)))
  })
  return own === undefined ? undefined : `${own.join('.')}.weight`
}
