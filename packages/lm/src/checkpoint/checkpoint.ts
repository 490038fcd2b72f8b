/** What all files of language models have in common: sizes, and tensors under one set of names. */
import { type ByteSource, f32FromBf16, f32FromF16, PithError } from '@pith/core'
import { type Params, type Shape, Tensor } from '@pith/engine'
import type { Tokenizer } from '@pith/engine/io'
import { checkConfig, type LmConfig } from '../config.ts'

/** Files that a model can come from. */
export type LmFormat = 'llama2c' | 'safetensors' | 'gguf' | 'onnx'

/** How a read may be given up. */
export interface LoadOptions {
  readonly signal?: AbortSignal
}

/** A tensor of a model, before it is read. */
export interface LmTensorInfo {
  readonly shape: Shape
  /** Type by the name that the file gives it. */
  readonly type: string
  /** Bytes that it takes in the file. */
  readonly bytes: number
}

/**
 * An open model. Tensors have the names of `parameterShapes`, matrices are [outputs, inputs], and rotary positions turn the two
 * halves of a head against each other, whatever the file has.
 */
export interface LmCheckpoint {
  readonly format: LmFormat
  readonly config: LmConfig
  readonly tensors: ReadonlyMap<string, LmTensorInfo>
  /** Read one tensor as f32; it owns its memory. */
  tensor(name: string, options?: LoadOptions): Promise<Tensor>
  /** The tokenizer within the file, where the format has room for one. */
  tokenizer?(): Promise<LoadedTokenizer | undefined>
  close(): Promise<void>
}

/** A tokenizer and the bytes that it was read from, which belong to the identity of a model. */
export interface LoadedTokenizer {
  readonly own: Tokenizer
  readonly bytes: Uint8Array
  /** Of the tokenizer_config.json that it was read with. */
  readonly config?: Uint8Array
}

/** The parameters of a model with their shapes, in the order in which they are used. */
export function parameterShapes(config: LmConfig): Map<string, Shape> {
  const { layers, heads, kvHeads, headDim, hidden, ffn, vocab, tied, qkvBias } = config
  const shapes = new Map<string, Shape>([['embed.tokens', [vocab, hidden]]])
  for (let layer = 0; layer < layers; layer++) {
    const put = (name: string, ...shape: number[]): unknown => shapes.set(`blocks.${layer}.${name}`, shape)
    put('norm1.scale', hidden)
    put('attn.wq', heads * headDim, hidden)
    put('attn.wk', kvHeads * headDim, hidden)
    put('attn.wv', kvHeads * headDim, hidden)
    if (qkvBias) {
      put('attn.bq', heads * headDim)
      put('attn.bk', kvHeads * headDim)
      put('attn.bv', kvHeads * headDim)
    }
    put('attn.wo', hidden, heads * headDim)
    put('norm2.scale', hidden)
    put('mlp.wGate', ffn, hidden)
    put('mlp.wUp', ffn, hidden)
    put('mlp.wDown', hidden, ffn)
  }
  shapes.set('norm.scale', [hidden])
  if (!tied) shapes.set('head.w', [vocab, hidden])
  return shapes
}

/** The number of parameters. */
export function countParameters(config: LmConfig): number {
  let count = 0
  for (const shape of parameterShapes(config).values()) count += shape.reduce((product, length) => product * length, 1)
  return count
}

/**
 * Check that the tensors of a file are those of its sizes, no more and no fewer.
 *
 * @throws PithError `PITH_MODEL` a size that cannot be, a tensor that is missing, is too much or has another shape
 */
export function checkTensors(config: LmConfig, tensors: ReadonlyMap<string, LmTensorInfo>): void {
  checkConfig(config)
  // Sizes are only believed as far as tensors bear them out.
  if (config.layers > tensors.size) {
    throw new PithError('PITH_MODEL', `${config.layers} layers cannot have only ${tensors.size} tensors`)
  }
  const shapes = parameterShapes(config)
  for (const [name, shape] of shapes) {
    const own = tensors.get(name)
    if (own === undefined) throw new PithError('PITH_MODEL', `the model has no tensor ${name}`, { at: { node: name } })
    if (String(own.shape) !== String(shape)) {
      throw new PithError('PITH_MODEL', `${name} is [${own.shape}], the sizes of the model need [${shape}]`, {
        at: { node: name },
      })
    }
  }
  for (const name of tensors.keys()) {
    if (shapes.has(name)) continue
    throw new PithError(
      'PITH_UNSUPPORTED',
      `the model has a tensor ${name.slice(0, 80)}, which this architecture has not`,
      {
        at: { node: name },
      },
    )
  }
}

/** All tensors of a model, in the order of `parameterShapes`. */
export async function readWeights(checkpoint: LmCheckpoint, options: LoadOptions = {}): Promise<Params> {
  const params: Params = {}
  for (const name of parameterShapes(checkpoint.config).keys()) params[name] = await checkpoint.tensor(name, options)
  return params
}

/** A tensor of floating numbers as f32. @throws PithError `PITH_DTYPE` other numbers */
export function asF32(tensor: Tensor, name: string): Tensor {
  const { dtype, data, shape } = tensor
  if (dtype === 'f32') return tensor
  if (dtype === 'f64') return new Tensor(Float32Array.from(data as Float64Array), shape)
  if (dtype === 'f16') return new Tensor(f32FromF16(data as Uint16Array) as Float32Array, shape)
  if (dtype === 'bf16') return new Tensor(f32FromBf16(data as Uint16Array) as Float32Array, shape)
  throw new PithError('PITH_DTYPE', `${name} is ${dtype}, weights are floating numbers`, { at: { node: name } })
}

/** Close what bytes are read from, where it can be closed. */
export async function closeSource(source: ByteSource): Promise<void> {
  if ('read' in source) await source.close?.()
}

/** What `open` gives; the source is closed where it fails. */
export async function closedOnError<T>(source: ByteSource, open: () => Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (error) {
    await closeSource(source)
    throw error
  }
}
