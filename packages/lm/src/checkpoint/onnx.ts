/** ONNX files that hold the parameters of a model under their names, as `pith lm export` writes them. */
import { PithError } from '@pith/core'
import { type Shape, Tensor } from '@pith/engine'
import { readHfTokenizer, readLlama2cTokenizer } from '@pith/engine/io'
import { type ModelProto, type TensorProto, toTensor } from '@pith/engine/onnx'
import { checkConfig, type LmConfig } from '../config.ts'
import { JOINT } from '../runtime/projection.ts'
import { dequantiseMatrix, QUANT_BLOCK } from '../runtime/quantise.ts'
import {
  asF32,
  checkTensors,
  type LmCheckpoint,
  type LmTensorInfo,
  type LoadedTokenizer,
  type LoadOptions,
  parameterShapes,
} from './checkpoint.ts'
import { configOfHf, type OpenFile, openHfConfig } from './hf.ts'
import { ONNX_KEYS } from './onnx-write.ts'

/** Longest sizes and longest tokenizer in the metadata, in letters. */
const MAX_CONFIG = 2 ** 16
const MAX_TOKENIZER = 2 ** 28

/** A parameter within an initialiser, or within codes and their scales. */
interface Part {
  readonly source: Source
  /** Rows of the source before it. */
  readonly from: number
  readonly shape: Shape
}

interface Source {
  readonly type: string
  readonly bytes: number
  readonly rows: number
  /** Whether its rows have so many numbers; undefined for the numbers of a vector. */
  hasColumns(columns: number | undefined): boolean
  /** f32[rows, columns]. */
  read(columns: number): Float32Array
}

/**
 * Open a model of which all tensors were read.
 *
 * @param open files beside it: config.json where the sizes do not stand in the metadata
 * @throws PithError `PITH_UNSUPPORTED` the file is not one of a language model of pith · `PITH_MODEL` initialisers that are not
 * those of the sizes · `PITH_CORRUPT` metadata that cannot be read
 */
export async function openOnnxModel(
  model: ModelProto,
  open: OpenFile,
  options: LoadOptions = {},
): Promise<LmCheckpoint> {
  const metadata = new Map((model.metadataProps ?? []).map(({ key = '', value = '' }) => [key, value]))
  const sources = sourcesOf(model)
  if (![...sources.keys()].some((names) => names.split(JOINT).includes('embed.tokens'))) {
    throw new PithError('PITH_UNSUPPORTED', 'the ONNX file holds no parameters of a language model under their names', {
      hint: 'Take one that pith lm export wrote; other exports are not read.',
    })
  }
  const text = metadata.get(ONNX_KEYS.config)
  const hasBias = [...sources.keys()].some((names) => names.includes('.attn.bq'))
  const config = text === undefined ? configOfHf(await openHfConfig(open, options), hasBias) : configOfMetadata(text)
  // Sizes are only believed as far as tensors bear them out.
  if (config.layers > sources.size) {
    throw new PithError('PITH_MODEL', `${config.layers} layers cannot have only ${sources.size} tensors`)
  }
  const parts = partsOf(config, sources)
  const tensors = new Map(
    [...parts].map(([name, { shape, source }]): [string, LmTensorInfo] => {
      return [name, { shape, type: source.type, bytes: source.bytes }]
    }),
  )
  checkTensors(config, tensors)
  return {
    format: 'onnx',
    config,
    tensors,
    async tensor(name) {
      const part = parts.get(name)
      if (part === undefined) throw new PithError('PITH_ARG', `there is no tensor ${name.slice(0, 80)}`)
      const { from, shape, source } = part
      const [rows = 0, width = 1] = shape
      return new Tensor(source.read(width).slice(from * width, (from + rows) * width), shape)
    },
    tokenizer: () => tokenizerOf(metadata),
    close: async () => {},
  }
}

/** What holds parameters, by their names. */
function sourcesOf(model: ModelProto): Map<string, Source> {
  const initialisers = new Map((model.graph?.initializer ?? []).map((own) => [own.name ?? '', own]))
  const sources = new Map<string, Source>()
  for (const [name, own] of initialisers) {
    if (!/^(embed|norm|head|blocks\.\d+)\./.test(name) || name.endsWith('.scales')) continue
    const base = name.replace(/\.codes$/, '')
    if (base === name) sources.set(name, plainSource(name, own))
    else if (!initialisers.has(base)) sources.set(base, codedSource(base, own, initialisers.get(`${base}.scales`)))
  }
  return sources
}

function plainSource(name: string, tensor: TensorProto): Source {
  const [rows = 0, columns] = (tensor.dims ?? []).map(Number)
  return {
    type: 'F32',
    bytes: tensor.rawData?.length ?? 0,
    rows,
    hasColumns: (own) => own === columns && (tensor.dims?.length ?? 0) <= 2,
    read: () => asF32(toTensor(tensor), name).data as Float32Array,
  }
}

/** Small integers of blocks of columns, as the runtime holds them. */
function codedSource(name: string, codes: TensorProto, scales: TensorProto | undefined): Source {
  const [rows = 0, blocks = 0, width = 0] = (codes.dims ?? []).map(Number)
  const bits = (8 * width) / QUANT_BLOCK
  if (scales === undefined || (bits !== 2 && bits !== 4 && bits !== 8)) {
    throw new PithError('PITH_MODEL', `${name.slice(0, 80)} has no scales, or codes of ${bits} bits`)
  }
  let data: Float32Array | undefined
  return {
    type: `q${bits}`,
    bytes: (codes.rawData?.length ?? 0) + (scales.rawData?.length ?? 0),
    rows,
    hasColumns: (own) => own !== undefined && Math.ceil(own / QUANT_BLOCK) === blocks,
    read(columns) {
      const [integers, steps] = [toTensor(codes), toTensor(scales)]
      if (integers.dtype !== 'u8' || steps.dtype !== 'f32' || steps.data.length !== rows * blocks) {
        throw new PithError('PITH_MODEL', `the codes and scales of ${name.slice(0, 80)} do not fit each other`)
      }
      return (data ??= dequantiseMatrix({
        ...{ rows, columns, bits },
        codes: integers.data as Uint8Array,
        scales: steps.data as Float32Array,
      }))
    },
  }
}

/** Where each parameter stands. @throws PithError `PITH_MODEL` what holds it has another shape */
function partsOf(config: LmConfig, sources: ReadonlyMap<string, Source>): Map<string, Part> {
  const shapes = parameterShapes(config)
  const parts = new Map<string, Part>()
  for (const [joint, source] of sources) {
    let from = 0
    for (const name of joint.split(JOINT)) {
      const shape = shapes.get(name)
      if (shape === undefined) {
        throw new PithError('PITH_MODEL', `the model has a tensor ${name.slice(0, 80)}, which its sizes have not`)
      }
      if (!source.hasColumns(shape[1])) throw misfit(joint)
      parts.set(name, { from, shape, source })
      from += shape[0] as number
    }
    if (from !== source.rows) throw misfit(joint)
  }
  return parts
}

function misfit(name: string): PithError {
  return new PithError('PITH_MODEL', `${name.slice(0, 80)} has not the shape that the sizes of the model need`)
}

function configOfMetadata(text: string): LmConfig {
  let config: unknown
  try {
    config = text.length <= MAX_CONFIG ? JSON.parse(text) : undefined
  } catch {
    config = undefined
  }
  if (typeof config !== 'object' || config === null) {
    throw new PithError('PITH_CORRUPT', 'the sizes in the metadata of the ONNX file cannot be read')
  }
  const { layers, heads, kvHeads, headDim, hidden, ffn, vocab, ctx, ropeTheta, normEps, tied, qkvBias } =
    config as LmConfig
  const own: LmConfig = {
    ...{ layers, heads, kvHeads, headDim, hidden, ffn, vocab, ctx, ropeTheta, normEps },
    tied: tied === true,
    qkvBias: qkvBias === true,
  }
  checkConfig(own)
  return own
}

async function tokenizerOf(metadata: ReadonlyMap<string, string>): Promise<LoadedTokenizer | undefined> {
  const [bin, json, settings] = [ONNX_KEYS.bin, ONNX_KEYS.json, ONNX_KEYS.settings].map((key) => metadata.get(key))
  for (const text of [bin, json, settings]) {
    if ((text?.length ?? 0) > MAX_TOKENIZER)
      throw new PithError('PITH_LIMIT', 'the tokenizer of the ONNX file is too long')
  }
  if (bin !== undefined) {
    const bytes = bytesOfBase64(bin)
    return { own: readLlama2cTokenizer(bytes), bytes }
  }
  if (json === undefined) return undefined
  const encoder = new TextEncoder()
  const bytes = encoder.encode(json)
  const config = settings === undefined ? undefined : encoder.encode(settings)
  return { own: await readHfTokenizer(bytes, config), bytes, ...(config === undefined ? {} : { config }) }
}

function bytesOfBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
  } catch (cause) {
    throw new PithError('PITH_CORRUPT', 'the tokenizer of the ONNX file is not base64', { cause })
  }
}
