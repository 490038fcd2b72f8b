/** Models as Hugging Face stores them: what config.json says, and names of tensors in pith's words. */
import { PithError } from '@pith/core'
import { isRecord, parseJsonBytes } from './json-text.ts'

/** Families of models whose configuration and names are known. */
export type HfFamily = 'llama' | 'qwen2' | 'qwen3' | 'gpt2' | 'bert' | 'vit'

/** Largest number that a size may be. */
const MAX_SIZE = 2 ** 31 - 1

/** The sizes and choices of a transformer. */
export interface HfConfig {
  readonly family: HfFamily
  /** Number of blocks. */
  readonly layers: number
  /** Length of the vector of a token. */
  readonly width: number
  readonly heads: number
  /** Heads of keys and values; as many as `heads` without grouping. */
  readonly kvHeads: number
  readonly headWidth: number
  /** Length of the inner vector of a feed-forward layer. */
  readonly hidden: number
  /** Tokens in the vocabulary; 0 for images. */
  readonly vocabulary: number
  /** Positions that it was made for; patches and the class token for images. */
  readonly positions: number
  readonly norm: 'rms' | 'layer'
  readonly normEps: number
  /** Name of the activation, such as `silu`, `gelu`, `gelu_new`. */
  readonly activation: string
  /** Base of the rotary positions; undefined where positions are learnt. */
  readonly ropeTheta?: number
  /** How the rotary positions are stretched, as the file has it. */
  readonly ropeScaling?: Readonly<Record<string, unknown>>
  /** Whether the last projection is the table of tokens. */
  readonly tied: boolean
  /** Side of an image and of a patch in pixels, and colours; for images only. */
  readonly image?: { readonly size: number; readonly patch: number; readonly channels: number }
}

/** Reads fields of a configuration, with their type and range checked. */
class Fields {
  readonly #fields: Record<string, unknown>

  constructor(fields: Record<string, unknown>) {
    this.#fields = fields
  }

  size(key: string, other?: number): number {
    const value = this.#fields[key] ?? other
    if (Number.isInteger(value) && (value as number) > 0 && (value as number) <= MAX_SIZE) return value as number
    throw this.#wrong(key, `an integer in 1..${MAX_SIZE}`)
  }

  positive(key: string, other: number): number {
    const value = this.#fields[key] ?? other
    if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value
    throw this.#wrong(key, 'a number above 0')
  }

  text(key: string, other?: string): string {
    const value = this.#fields[key] ?? other
    if (typeof value === 'string' && value.length <= 80) return value
    throw this.#wrong(key, 'a text of at most 80 characters')
  }

  flag(key: string, other: boolean): boolean {
    const value = this.#fields[key] ?? other
    if (typeof value === 'boolean') return value
    throw this.#wrong(key, 'true or false')
  }

  record(key: string): Record<string, unknown> | undefined {
    const value = this.#fields[key] ?? undefined
    if (value === undefined || isRecord(value)) return value
    throw this.#wrong(key, 'an object')
  }

  #wrong(key: string, expected: string): PithError {
    const shown = String(JSON.stringify(this.#fields[key])).slice(0, 80)
    return new PithError('PITH_MODEL', `${key} in config.json must be ${expected}, got ${shown}`)
  }
}

/**
 * What a config.json says.
 *
 * @throws PithError `PITH_CORRUPT` no JSON object · `PITH_MODEL` a size is missing or cannot be · `PITH_UNSUPPORTED` another
 * family than llama, qwen2, qwen3, gpt2, bert and vit
 */
export function readHfConfig(json: Uint8Array): HfConfig {
  const value = parseJsonBytes(json, 'config.json')
  if (!isRecord(value)) throw new PithError('PITH_CORRUPT', 'config.json is no JSON object')
  const fields = new Fields(value)
  const family = fields.text('model_type')
  if (!Object.hasOwn(READERS, family)) {
    throw new PithError('PITH_UNSUPPORTED', `models of type ${JSON.stringify(family)} are not known`, {
      hint: `Known are ${Object.keys(READERS).join(', ')}.`,
    })
  }
  const config = READERS[family as HfFamily](fields, family as HfFamily)
  if (config.heads % config.kvHeads !== 0) {
    throw new PithError('PITH_MODEL', `${config.heads} heads cannot share ${config.kvHeads} heads of keys and values`)
  }
  return config
}

/** The width of a head where it is not named. */
function headWidth(width: number, heads: number): number {
  if (width % heads === 0) return width / heads
  throw new PithError('PITH_MODEL', `${width} values cannot be divided among ${heads} heads`)
}

function readDecoder(fields: Fields, family: HfFamily): HfConfig {
  const width = fields.size('hidden_size')
  const heads = fields.size('num_attention_heads')
  // Newer files keep the base among the parameters of the positions.
  const rope = fields.record('rope_parameters')
  const theta = new Fields(rope ?? {}).positive('rope_theta', fields.positive('rope_theta', 10000))
  const scaling = fields.record('rope_scaling') ?? rope
  return {
    family,
    layers: fields.size('num_hidden_layers'),
    width,
    heads,
    kvHeads: fields.size('num_key_value_heads', heads),
    headWidth: fields.size('head_dim', family === 'qwen3' ? 128 : headWidth(width, heads)),
    hidden: fields.size('intermediate_size'),
    vocabulary: fields.size('vocab_size'),
    positions: fields.size('max_position_embeddings', family === 'llama' ? 2048 : 32768),
    norm: 'rms',
    normEps: fields.positive('rms_norm_eps', 1e-6),
    activation: fields.text('hidden_act', 'silu'),
    ropeTheta: theta,
    ...(scaling === undefined ? {} : { ropeScaling: scaling }),
    tied: fields.flag('tie_word_embeddings', false),
  }
}

function readGpt2(fields: Fields): HfConfig {
  const width = fields.size('n_embd', 768)
  const heads = fields.size('n_head', 12)
  return {
    family: 'gpt2',
    layers: fields.size('n_layer', 12),
    width,
    heads,
    kvHeads: heads,
    headWidth: headWidth(width, heads),
    hidden: fields.size('n_inner', 4 * width),
    vocabulary: fields.size('vocab_size', 50257),
    positions: fields.size('n_positions', 1024),
    norm: 'layer',
    normEps: fields.positive('layer_norm_epsilon', 1e-5),
    activation: fields.text('activation_function', 'gelu_new'),
    tied: fields.flag('tie_word_embeddings', true),
  }
}

function readEncoder(fields: Fields): Omit<HfConfig, 'family' | 'vocabulary' | 'positions' | 'tied'> {
  const width = fields.size('hidden_size', 768)
  const heads = fields.size('num_attention_heads', 12)
  return {
    layers: fields.size('num_hidden_layers', 12),
    width,
    heads,
    kvHeads: heads,
    headWidth: headWidth(width, heads),
    hidden: fields.size('intermediate_size', 3072),
    norm: 'layer',
    normEps: fields.positive('layer_norm_eps', 1e-12),
    activation: fields.text('hidden_act', 'gelu'),
  }
}

function readBert(fields: Fields): HfConfig {
  return {
    family: 'bert',
    ...readEncoder(fields),
    vocabulary: fields.size('vocab_size', 30522),
    positions: fields.size('max_position_embeddings', 512),
    tied: fields.flag('tie_word_embeddings', true),
  }
}

function readVit(fields: Fields): HfConfig {
  const size = fields.size('image_size', 224)
  const patch = fields.size('patch_size', 16)
  return {
    family: 'vit',
    ...readEncoder(fields),
    vocabulary: 0,
    positions: Math.floor(size / patch) ** 2 + 1,
    tied: false,
    image: { size, patch, channels: fields.size('num_channels', 3) },
  }
}

const READERS: Readonly<Record<HfFamily, (fields: Fields, family: HfFamily) => HfConfig>> = {
  llama: readDecoder,
  qwen2: readDecoder,
  qwen3: readDecoder,
  gpt2: readGpt2,
  bert: readBert,
  vit: readVit,
}

/** A tensor in pith's words. */
export interface HfName {
  /** `blocks.0.attn.wq`; the last part of a linear layer is `w...` for weights and `b...` for biases. */
  readonly name: string
  /** Order of the axes of a weight matrix: `oi` as PyTorch has it, `io` as GPT-2's. */
  readonly layout: 'oi' | 'io'
}

/** Layers by the path that follows the block, with the name of the layer and whether it is linear. */
type LayerTable = Readonly<Record<string, readonly [name: string, kind: 'linear' | 'norm' | 'plain']>>

const DECODER: LayerTable = {
  'embed_tokens.weight': ['embed.tokens', 'plain'],
  norm: ['norm', 'norm'],
  lm_head: ['head.w', 'linear'],
  'layers.#.input_layernorm': ['blocks.#.norm1', 'norm'],
  'layers.#.post_attention_layernorm': ['blocks.#.norm2', 'norm'],
  'layers.#.self_attn.q_proj': ['blocks.#.attn.wq', 'linear'],
  'layers.#.self_attn.k_proj': ['blocks.#.attn.wk', 'linear'],
  'layers.#.self_attn.v_proj': ['blocks.#.attn.wv', 'linear'],
  'layers.#.self_attn.o_proj': ['blocks.#.attn.wo', 'linear'],
  'layers.#.self_attn.q_norm': ['blocks.#.attn.qNorm', 'norm'],
  'layers.#.self_attn.k_norm': ['blocks.#.attn.kNorm', 'norm'],
  'layers.#.mlp.gate_proj': ['blocks.#.mlp.wGate', 'linear'],
  'layers.#.mlp.up_proj': ['blocks.#.mlp.wUp', 'linear'],
  'layers.#.mlp.down_proj': ['blocks.#.mlp.wDown', 'linear'],
}

const GPT2: LayerTable = {
  'wte.weight': ['embed.tokens', 'plain'],
  'wpe.weight': ['embed.positions', 'plain'],
  ln_f: ['norm', 'norm'],
  lm_head: ['head.w', 'linear'],
  'h.#.ln_1': ['blocks.#.norm1', 'norm'],
  'h.#.ln_2': ['blocks.#.norm2', 'norm'],
  'h.#.attn.c_attn': ['blocks.#.attn.wqkv', 'linear'],
  'h.#.attn.c_proj': ['blocks.#.attn.wo', 'linear'],
  'h.#.mlp.c_fc': ['blocks.#.mlp.wUp', 'linear'],
  'h.#.mlp.c_proj': ['blocks.#.mlp.wDown', 'linear'],
}

const BERT: LayerTable = {
  'embeddings.word_embeddings.weight': ['embed.tokens', 'plain'],
  'embeddings.position_embeddings.weight': ['embed.positions', 'plain'],
  'embeddings.token_type_embeddings.weight': ['embed.types', 'plain'],
  'embeddings.LayerNorm': ['embed.norm', 'norm'],
  'encoder.layer.#.attention.self.query': ['blocks.#.attn.wq', 'linear'],
  'encoder.layer.#.attention.self.key': ['blocks.#.attn.wk', 'linear'],
  'encoder.layer.#.attention.self.value': ['blocks.#.attn.wv', 'linear'],
  'encoder.layer.#.attention.output.dense': ['blocks.#.attn.wo', 'linear'],
  'encoder.layer.#.attention.output.LayerNorm': ['blocks.#.norm1', 'norm'],
  'encoder.layer.#.intermediate.dense': ['blocks.#.mlp.wUp', 'linear'],
  'encoder.layer.#.output.dense': ['blocks.#.mlp.wDown', 'linear'],
  'encoder.layer.#.output.LayerNorm': ['blocks.#.norm2', 'norm'],
  'pooler.dense': ['pooler.w', 'linear'],
  classifier: ['head.w', 'linear'],
}

const VIT: LayerTable = {
  'embeddings.cls_token': ['embed.class', 'plain'],
  'embeddings.position_embeddings': ['embed.positions', 'plain'],
  'embeddings.patch_embeddings.projection': ['embed.wPatch', 'linear'],
  'encoder.layer.#.attention.attention.query': ['blocks.#.attn.wq', 'linear'],
  'encoder.layer.#.attention.attention.key': ['blocks.#.attn.wk', 'linear'],
  'encoder.layer.#.attention.attention.value': ['blocks.#.attn.wv', 'linear'],
  'encoder.layer.#.attention.output.dense': ['blocks.#.attn.wo', 'linear'],
  'encoder.layer.#.layernorm_before': ['blocks.#.norm1', 'norm'],
  'encoder.layer.#.layernorm_after': ['blocks.#.norm2', 'norm'],
  'encoder.layer.#.intermediate.dense': ['blocks.#.mlp.wUp', 'linear'],
  'encoder.layer.#.output.dense': ['blocks.#.mlp.wDown', 'linear'],
  layernorm: ['norm', 'norm'],
  'pooler.dense': ['pooler.w', 'linear'],
  classifier: ['head.w', 'linear'],
}

const TABLES: Readonly<Record<HfFamily, LayerTable>> = {
  llama: DECODER,
  qwen2: DECODER,
  qwen3: DECODER,
  gpt2: GPT2,
  bert: BERT,
  vit: VIT,
}

/**
 * The name of a tensor in pith's words; undefined for one that is not part of the model, such as a saved mask.
 *
 * @param tensor  its name in the files, with or without the prefix of the model (`model.`, `transformer.`, `bert.`, `vit.`)
 */
export function fromHfName(family: HfFamily, tensor: string): HfName | undefined {
  const bare = tensor.replace(/^(?:model|transformer|bert|vit)\./, '')
  const number = /\.(\d{1,6})\./.exec(bare)?.[1]
  const path = number === undefined ? bare : bare.replace(`.${number}.`, '.#.')
  const table = TABLES[family]
  const layout = family === 'gpt2' && path.startsWith('h.') ? 'io' : 'oi'
  const named = (name: string): HfName => ({ name: name.replace('#', number ?? ''), layout })
  if (Object.hasOwn(table, path) && table[path]?.[1] === 'plain') return named(table[path][0])
  const [, layer = '', part = ''] = /^(.*)\.(weight|bias)$/.exec(path) ?? []
  const entry = Object.hasOwn(table, layer) ? table[layer] : undefined
  if (entry === undefined || entry[1] === 'plain') return undefined
  const [name, kind] = entry
  if (kind === 'norm') return named(`${name}.${part === 'weight' ? 'scale' : 'bias'}`)
  return named(part === 'weight' ? name : name.replace(/w(\w*)$/, 'b$1'))
}
