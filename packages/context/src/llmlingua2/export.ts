import { Graph, type Params, Tensor, type Value } from '@pith/engine'
import { fromTensor, type NodeProto, type TensorProto, toModel, writeModel } from '@pith/engine/onnx'
import { type EncoderSizes, encoder } from './network.ts'

/** Rows and tokens that the program is written for; no size within it is a multiple of them, so shapes of theirs can be told. */
const BATCH = 7
const TOKENS = 11

/**
 * The encoder as an ONNX file for onnxruntime that takes any number of rows and tokens: input_ids and attention_mask, i64[batch, tokens], to logits
 * f32[batch, tokens, 2].
 */
export function encoderFile(params: Params, sizes: EncoderSizes): Uint8Array {
  const graph = new Graph()
  const values = Object.fromEntries(
    Object.entries(params).map(([name, { dtype, shape }]): [string, Value] => [name, graph.input(name, dtype, shape)]),
  )
  const shape = [BATCH, TOKENS]
  const logits = encoder(sizes).apply(
    values,
    graph.input('input_ids', 'i64', shape),
    graph.input('attention_mask', 'i64', shape),
  )
  const model = toModel(graph, { logits }, { initialisers: params })
  const own = model.graph
  if (own !== undefined) {
    const shapes = new Map((own.initializer ?? []).map((tensor) => [tensor.name ?? '', int64s(tensor)]))
    const extra: NodeProto[] = [{ opType: 'Shape', input: ['input_ids'], output: ['rows_tokens'], name: 'rows_tokens' }]
    for (const node of own.node ?? []) {
      const name = node.opType === 'Reshape' ? node.input?.[1] : undefined
      const shape = name === undefined ? undefined : shapes.get(name)
      if (shape === undefined || node.input === undefined) continue
      const rest = `${name}_rest`
      if (shape[0] === BATCH && shape[1] === TOKENS) {
        if (!extra.some(({ output }) => output?.[0] === `${name}_own`)) {
          own.initializer?.push(
            fromTensor(new Tensor(BigInt64Array.from(shape.slice(2), BigInt), [shape.length - 2]), rest),
          )
          const attribute = [{ name: 'axis', type: 2, i: 0n }]
          extra.push({
            opType: 'Concat',
            input: ['rows_tokens', rest],
            output: [`${name}_own`],
            name: `${name}_own`,
            attribute,
          })
        }
        node.input[1] = `${name}_own`
      } else if (shape[0] === BATCH * TOKENS) {
        if (!own.initializer?.some((tensor) => tensor.name === rest)) {
          own.initializer?.push(
            fromTensor(new Tensor(BigInt64Array.from([-1, ...shape.slice(1)], BigInt), [shape.length]), rest),
          )
        }
        node.input[1] = rest
      }
    }
    own.node = [...extra, ...(own.node ?? [])]
    for (const info of [...(own.input ?? []), ...(own.output ?? [])]) {
      for (const dim of info.type?.tensorType?.shape?.dim ?? []) {
        const name = Number(dim.dimValue) === BATCH ? 'batch' : Number(dim.dimValue) === TOKENS ? 'tokens' : undefined
        if (name === undefined) continue
        delete dim.dimValue
        dim.dimParam = name
      }
    }
    own.valueInfo = []
  }
  return writeModel(model)
}

/** The numbers of a shape that stands in a file. */
function int64s({ rawData, dims = [] }: TensorProto): number[] | undefined {
  if (rawData === undefined || dims.length !== 1 || rawData.length !== 8 * Number(dims[0])) return undefined
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength)
  return Array.from({ length: rawData.length / 8 }, (_, i) => Number(view.getBigInt64(8 * i, true)))
}
