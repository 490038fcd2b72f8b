/** Checkpoints of llama2.c, versions 0 (no magic) and 1: f32 tensors in a fixed order, without names. */
import { type ByteSource, PithError, type RandomAccess, toRandomAccess } from '@pith/core'
import { Tensor } from '@pith/engine'
import { checkConfig, type LmConfig } from '../config.ts'
import { checkTensors, type LmCheckpoint, type LmTensorInfo, type LoadOptions, parameterShapes } from './checkpoint.ts'
import { halvesFromPairs } from './rows.ts'

/** `ak42` as a little-endian word: what versions from 1 on begin with. */
const MAGIC = 0x616b3432
/** Bytes of the header of version 0, and of those that have a magic. */
const HEADER = 28
const LONG_HEADER = 256

interface Header {
  readonly config: LmConfig
  /** First byte of the tensors. */
  readonly start: number
  readonly version: 0 | 1
}

/** Where a tensor stands. */
interface Place {
  readonly offset: number
  readonly info: LmTensorInfo
}

/**
 * Open a checkpoint of llama2.c; only its header is read.
 *
 * @throws PithError `PITH_TRUNCATED` · `PITH_CORRUPT` the size is not that of the header · `PITH_MODEL` sizes that cannot be ·
 * `PITH_UNSUPPORTED` version 2, whose numbers are 8-bit
 */
export async function openLlama2c(source: ByteSource, options: LoadOptions = {}): Promise<LmCheckpoint> {
  const access = toRandomAccess(source)
  const { config, start, version } = await readHeader(access, options)
  checkConfig(config)
  const places = version === 0 ? placesOf0(config, start) : placesOf1(config, start)
  const end = Math.max(...[...places.values()].map(({ offset, info }) => offset + info.bytes))
  checkSize(access.size, end, config, version)
  const tensors = new Map([...places].map(([name, { info }]) => [name, info]))
  checkTensors(config, tensors)
  return {
    format: 'llama2c',
    config,
    tensors,
    async tensor(name, read = {}) {
      const place = places.get(name)
      if (place === undefined) throw new PithError('PITH_ARG', `there is no tensor ${name.slice(0, 80)}`)
      const { offset, info } = place
      const tensor = new Tensor(floats(await readAt(access, offset, info.bytes, read)), info.shape)
      return /attn\.w[qk]$/.test(name) ? halvesFromPairs(tensor, config.headDim) : tensor
    },
    close: async () => access.close?.(),
  }
}

async function readHeader(access: RandomAccess, options: LoadOptions): Promise<Header> {
  const head = await readAt(access, 0, HEADER, options)
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  if (view.getUint32(0, true) !== MAGIC)
    return { config: configOf(view, 0, view.getInt32(20, true) > 0), start: HEADER, version: 0 }
  const version = view.getInt32(4, true)
  if (version !== 1) {
    throw new PithError('PITH_UNSUPPORTED', `version ${version} of llama2.c's checkpoints is not read`, {
      hint: 'Export version 0 or 1, whose numbers are f32.',
    })
  }
  const long = await readAt(access, 0, LONG_HEADER, options)
  const longView = new DataView(long.buffer, long.byteOffset, long.byteLength)
  return { config: configOf(longView, 8, longView.getUint8(36) === 1), start: LONG_HEADER, version: 1 }
}

/** Seven words: hidden, ffn, layers, heads, heads of keys, vocabulary, positions. */
function configOf(view: DataView, at: number, tied: boolean): LmConfig {
  const word = (i: number): number => view.getInt32(at + 4 * i, true)
  const [hidden, heads] = [word(0), word(3)]
  if (!(hidden > 0 && heads > 0 && hidden % heads === 0)) {
    throw new PithError('PITH_MODEL', `${hidden} numbers cannot be divided among ${heads} heads`, {
      hint: 'Check that this is a checkpoint of llama2.c.',
    })
  }
  return {
    layers: word(2),
    heads,
    kvHeads: word(4),
    headDim: hidden / heads,
    hidden,
    ffn: word(1),
    vocab: Math.abs(word(5)),
    ctx: word(6),
    ropeTheta: 10000,
    normEps: 1e-5,
    tied,
    qkvBias: false,
  }
}

/** Tensors of one kind of all layers stand together. */
const PER_LAYER_0 = [
  'norm1.scale',
  'attn.wq',
  'attn.wk',
  'attn.wv',
  'attn.wo',
  'norm2.scale',
  'mlp.wGate',
  'mlp.wDown',
  'mlp.wUp',
]
const PER_LAYER_1 = ['attn.wq', 'attn.wk', 'attn.wv', 'attn.wo', 'mlp.wGate', 'mlp.wDown', 'mlp.wUp']

class Layout {
  readonly places: Map<string, Place> = new Map()
  readonly #config: LmConfig
  #at: number

  constructor(config: LmConfig, start: number) {
    this.#config = config
    this.#at = start
  }

  put(name: string): void {
    const shape = shapeOf(this.#config, name)
    const bytes = 4 * shape.reduce((product, length) => product * length, 1)
    this.places.set(name, { offset: this.#at, info: { shape, type: 'F32', bytes } })
    this.#at += bytes
  }

  putLayers(name: string): void {
    for (let layer = 0; layer < this.#config.layers; layer++) this.put(`blocks.${layer}.${name}`)
  }

  skip(bytes: number): void {
    this.#at += bytes
  }
}

/** The shape of one parameter; layers are alike. */
function shapeOf(config: LmConfig, name: string): readonly number[] {
  const one = parameterShapes({ ...config, layers: 1 })
  return one.get(name.replace(/^blocks\.\d+\./, 'blocks.0.')) as readonly number[]
}

function placesOf0(config: LmConfig, start: number): Map<string, Place> {
  checkLayers(config)
  const layout = new Layout(config, start)
  layout.put('embed.tokens')
  for (const name of PER_LAYER_0) layout.putLayers(name)
  layout.put('norm.scale')
  // Tables of cosines and sines, which are computed here.
  layout.skip(4 * config.ctx * config.headDim)
  if (!config.tied) layout.put('head.w')
  return layout.places
}

function placesOf1(config: LmConfig, start: number): Map<string, Place> {
  checkLayers(config)
  const layout = new Layout(config, start)
  layout.putLayers('norm1.scale')
  layout.putLayers('norm2.scale')
  layout.put('norm.scale')
  layout.put('embed.tokens')
  for (const name of PER_LAYER_1) layout.putLayers(name)
  if (!config.tied) layout.put('head.w')
  return layout.places
}

/** No list of tensors is made on the word of a header alone. */
function checkLayers({ layers }: LmConfig): void {
  if (layers > 4096) throw new PithError('PITH_LIMIT', `${layers} layers are more than 4096`)
}

function checkSize(size: number, end: number, { ctx, headDim, tied }: LmConfig, version: number): void {
  const wanted = version === 0 && tied ? end + 4 * ctx * headDim : end
  if (size === wanted) return
  throw new PithError(
    size < wanted ? 'PITH_TRUNCATED' : 'PITH_CORRUPT',
    `the header asks for ${wanted} bytes, the file has ${size}`,
    {
      hint: 'Check that this is a whole checkpoint of llama2.c.',
    },
  )
}

async function readAt(access: RandomAccess, offset: number, length: number, options: LoadOptions): Promise<Uint8Array> {
  const bytes = offset + length <= access.size ? await access.read(offset, length, options) : new Uint8Array(0)
  if (bytes.length === length) return bytes
  throw new PithError('PITH_TRUNCATED', `${length} bytes are needed at ${offset}, the file has ${access.size}`, {
    at: { offset },
  })
}

/** Little-endian words as numbers in memory of their own. */
function floats(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const out = new Float32Array(bytes.length / 4)
  for (let i = 0; i < out.length; i++) out[i] = view.getFloat32(4 * i, true)
  return out
}
