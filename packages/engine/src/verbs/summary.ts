/** What a file of a model holds, without running it. */
import { PithError } from '@pith/core'
import { fileSource } from '@pith/core/node'
import { bytesFor } from '../dtype.ts'
import { openGguf } from '../io/gguf.ts'
import { openSafetensors } from '../io/safetensors.ts'
import type { TensorEntry, TensorFile } from '../io/tensor-file.ts'
import { openTorch } from '../io/torch.ts'
import type { Node } from '../ir/graph.ts'
import { fromModel } from '../onnx/import.ts'
import { loadModel } from '../onnx/node/model-files.ts'
import type { GraphProto } from '../onnx/proto.ts'
import { torchNames } from '../onnx/torch-names.ts'
import { estimateMemory } from '../runtime/memory.ts'
import type { Shape } from '../shape.ts'
import { sizeOf } from '../shape.ts'
import type { Spec } from '../tensor.ts'

/** A tensor of a model; the type as the format names it. */
export interface TensorRow {
  readonly name: string
  readonly type: string
  readonly shape: Shape
  /** Name in PyTorch of a weight that its exporter has renamed and transposed. */
  readonly torch?: string
}

/** What there is to know of a model. */
export interface ModelSummary {
  readonly format: 'onnx' | 'safetensors' | 'gguf' | 'torch'
  /** Elements of all tensors of weights. */
  readonly parameters: number
  /** Bytes that these take in the file. */
  readonly bytes: number
  readonly tensors: readonly TensorRow[]
  /** Only where the file holds a graph. */
  readonly graph?: GraphSummary
}

/** The graph of a model, after the import has simplified it. */
export interface GraphSummary {
  readonly producer: string
  readonly inputs: readonly TensorRow[]
  readonly outputs: readonly TensorRow[]
  /** How often each operator occurs, by name. */
  readonly operators: Readonly<Record<string, number>>
  /** Operators that run but have no gradient, as the engine does not know them. */
  readonly opaque: readonly string[]
  /** Floating-point operations of one run, of the operators that count; multiplying and adding are two. */
  readonly flops: number
  /** Bytes that one run needs. */
  readonly memory: number
  /** Lengths of axes that the model names and that nobody gave: they count as 1. */
  readonly assumed: readonly string[]
  /** Whether further lengths are known only in a run, so that more operations and memory may be needed. */
  readonly isLowerBound: boolean
}

/**
 * Summarise a .onnx, .safetensors, .gguf or .pt file, which is told by its first bytes.
 *
 * @param dims  lengths of axes that an ONNX model names
 * @throws PithError those of the reader of the format
 */
export async function summarizeModel(
  path: string,
  options: { dims?: Readonly<Record<string, number>>; signal?: AbortSignal } = {},
): Promise<ModelSummary> {
  const signal = options.signal === undefined ? {} : { signal: options.signal }
  const format = await formatOf(path, signal)
  if (format === 'onnx') return summarizeOnnx(path, { ...signal, dims: options.dims ?? {} })
  const source = await fileSource(path, signal)
  const readers = { gguf: openGguf, safetensors: openSafetensors, torch: openTorch }
  const file: TensorFile<TensorEntry> = await readers[format](source, signal)
  try {
    const entries = [...file.entries.values()]
    return {
      format,
      parameters: entries.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
      bytes: entries.reduce((sum, { bytes }) => sum + bytes, 0),
      tensors: entries.map(({ name, type, shape }) => ({ name, type, shape })),
    }
  } finally {
    await file.close()
  }
}

/** The format that the first bytes show. */
async function formatOf(path: string, options: { signal?: AbortSignal }): Promise<ModelSummary['format']> {
  const file = await fileSource(path, options)
  try {
    if (file.size === 0) throw new PithError('PITH_TRUNCATED', `${path} is empty`, { hint: 'Fetch the whole file.' })
    const head = String.fromCharCode(...(await file.read(0, 9)))
    if (head.startsWith('GGUF')) return 'gguf'
    if (head.startsWith('PK\x03\x04')) return 'torch'
    // PROTO, the first instruction of a pickle, and its version.
    if (head.charCodeAt(0) === 0x80 && head.charCodeAt(1) >= 2 && head.charCodeAt(1) <= 5) {
      throw new PithError('PITH_UNSUPPORTED', `${path} is a bare pickle, as PyTorch before 1.6 wrote`, {
        hint: 'Save it anew with torch.save(model.state_dict(), file).',
      })
    }
    return head[8] === '{' ? 'safetensors' : 'onnx'
  } finally {
    await file.close()
  }
}

async function summarizeOnnx(
  path: string,
  { dims, ...signal }: { dims: Readonly<Record<string, number>>; signal?: AbortSignal },
): Promise<ModelSummary> {
  const proto = await loadModel(path, signal)
  const axes = axisNames(proto.graph)
  const odd = Object.keys(dims).find((name) => !axes.includes(name))
  if (odd !== undefined) {
    throw new PithError('PITH_ARG', `the model names no axis ${JSON.stringify(odd.slice(0, 80))}`, {
      hint: axes.length === 0 ? 'All of its axes have lengths.' : `There are: ${axes.slice(0, 12).join(', ')}.`,
    })
  }
  const assumed = axes.filter((name) => !Object.hasOwn(dims, name))
  const own = { ...dims, ...Object.fromEntries(assumed.map((name) => [name, 1])) }
  const { graph, inputs, outputs, params, opaque } = fromModel(proto, { dims: own })
  const values = Object.values(outputs)
  const nodes = graph.live(values)
  const { total, isLowerBound } = estimateMemory(values)
  const known = torchNames(proto)
  const weights = rowsOf(params).map((row) => {
    const torch = known[row.name]?.name
    return torch === undefined ? row : { ...row, torch }
  })
  return {
    format: 'onnx',
    parameters: weights.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    bytes: Object.values(params).reduce((sum, { dtype, shape }) => sum + bytesFor(dtype, sizeOf(shape)), 0),
    tensors: weights,
    graph: {
      producer: [proto.producerName, proto.producerVersion].filter((part) => part !== undefined).join(' '),
      inputs: rowsOf(inputs),
      outputs: rowsOf(outputs),
      operators: countOperators(nodes),
      opaque,
      flops: nodes.reduce((sum, node) => sum + flopsOf(node), 0),
      memory: total,
      assumed,
      isLowerBound,
    },
  }
}

/** Names of axes of the inputs. */
function axisNames(graph: GraphProto | undefined): string[] {
  const axes = (graph?.input ?? []).flatMap(({ type }) => type?.tensorType?.shape?.dim ?? [])
  return [...new Set(axes.flatMap(({ dimParam = '' }) => (dimParam === '' ? [] : [dimParam])))]
}

function rowsOf(specs: Readonly<Record<string, Spec>>): TensorRow[] {
  return Object.entries(specs).map(([name, { dtype, shape }]) => ({ name, type: dtype, shape }))
}

function countOperators(nodes: readonly Node[]): Record<string, number> {
  const counts = new Map<string, number>()
  for (const { op, domain } of nodes) {
    const name = domain === '' ? op : `${domain}.${op}`
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return Object.fromEntries([...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)))
}

/** Operations of a node; unknown lengths make it no number, which counts as none. */
function flopsOf(node: Node): number {
  const flops = node.def?.flops?.(node) ?? 0
  return flops > 0 ? flops : 0
}
