/** Tokenizers within GGUF files: pieces with scores (`llama`), and merges of bytes (`gpt2`). */
import { ByteWriter, PithError } from '@pith/core'
import { type GgufValue, readHfTokenizer, readLlama2cTokenizer } from '@pith/engine/io'
import type { LoadedTokenizer } from './checkpoint.ts'

/** What stands for a space in pieces of sentencepiece. */
const SPACE = '\u2581'

/** Types of tokens. */
const [NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE] = [1, 2, 3, 4, 6]

/** Ids of bytes in vocabularies of sentencepiece. */
const BYTES_FROM = 3
const TEXT_FROM = 259

type Metadata = ReadonlyMap<string, GgufValue>

/**
 * The tokenizer of a GGUF file; undefined where it has none.
 *
 * @throws PithError `PITH_UNSUPPORTED` another kind of tokenizer · `PITH_MODEL` parts of it are missing · what the readers throw
 */
export async function tokenizerOfGguf(metadata: Metadata): Promise<LoadedTokenizer | undefined> {
  const kind = textOf(metadata, 'model')
  if (kind === undefined) return undefined
  if (kind === 'llama') return piecesOf(metadata)
  if (kind === 'gpt2') return await mergesOf(metadata)
  throw new PithError('PITH_UNSUPPORTED', `tokenizers of the kind ${kind.slice(0, 40)} are not known`, {
    hint: 'Known are llama and gpt2; or name a tokenizer.json with --tokenizer.',
  })
}

/** Pieces with scores, in the layout of llama2.c. */
function piecesOf(metadata: Metadata): LoadedTokenizer {
  const tokens = textsOf(metadata, 'tokens')
  const scores = metadata.get('tokenizer.ggml.scores')
  if (scores?.type !== 'array' || !(scores.value instanceof Float32Array) || scores.value.length !== tokens.length) {
    throw new PithError('PITH_MODEL', 'the tokenizer has no score for each of its tokens')
  }
  for (let byte = 0; byte < 256; byte++) {
    if (tokens[BYTES_FROM + byte] !== byteName(byte)) {
      throw new PithError('PITH_UNSUPPORTED', `token ${BYTES_FROM + byte} is not ${byteName(byte)}`)
    }
  }
  if (numberOf(metadata, 'bos_token_id', 1) !== 1 || numberOf(metadata, 'eos_token_id', 2) !== 2) {
    throw new PithError('PITH_UNSUPPORTED', 'texts begin with another token than 1 or end with another than 2')
  }
  if (!flagOf(metadata, 'add_space_prefix', true)) {
    throw new PithError('PITH_UNSUPPORTED', 'tokenizers of pieces that put no space in front of a text are not known')
  }
  const encoder = new TextEncoder()
  const pieces = tokens.map((token) => encoder.encode(token.replaceAll(SPACE, ' ')))
  const writer = new ByteWriter(16 * pieces.length)
  writer.i32(pieces.reduce((most, { length }) => Math.max(most, length), 0))
  for (const [id, piece] of pieces.entries()) {
    writer.f32(scores.value[id] as number)
    writer.i32(piece.length)
    writer.bytes(piece)
  }
  const bytes = writer.finish()
  return { own: readLlama2cTokenizer(bytes), bytes }
}

/** How words are parted before bytes are merged, by the name that GGUF gives it. */
const WORDS: Readonly<Record<string, string>> = {
  'gpt-2': "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  qwen2:
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  'llama-bpe':
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
}

/** Merges of bytes, as a tokenizer.json. */
async function mergesOf(metadata: Metadata): Promise<LoadedTokenizer> {
  const tokens = textsOf(metadata, 'tokens')
  const merges = textsOf(metadata, 'merges')
  const kind = textOf(metadata, 'pre') ?? 'gpt-2'
  const words = Object.hasOwn(WORDS, kind) ? WORDS[kind] : undefined
  if (words === undefined) {
    throw new PithError('PITH_UNSUPPORTED', `words parted as ${kind.slice(0, 40)} does are not known`, {
      hint: `Known are ${Object.keys(WORDS).join(', ')}; or name a tokenizer.json with --tokenizer.`,
    })
  }
  const types = metadata.get('tokenizer.ggml.token_type')
  const typeOf = (id: number): number => (types?.type === 'array' ? Number(types.value[id] ?? NORMAL) : NORMAL)
  const added = tokens.flatMap((content, id) => {
    const type = typeOf(id)
    if (type !== CONTROL && type !== USER_DEFINED) return []
    const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false }
    return [{ id, content, ...flags, special: type === CONTROL }]
  })
  const bos = tokens[numberOf(metadata, 'bos_token_id', -1)]
  const eos = tokens[numberOf(metadata, 'eos_token_id', -1)]
  const first =
    bos !== undefined && flagOf(metadata, 'add_bos_token', false) ? { bos, id: tokens.indexOf(bos) } : undefined
  const json = {
    version: '1.0',
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: words }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
      ],
    },
    post_processor: first === undefined ? null : beginsWith(first),
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  }
  const config = { bos_token: bos ?? null, eos_token: eos ?? null, clean_up_tokenization_spaces: false }
  const encoder = new TextEncoder()
  const bytes = encoder.encode(JSON.stringify(json))
  const settings = encoder.encode(JSON.stringify(config))
  return { own: await readHfTokenizer(bytes, settings), bytes, config: settings }
}

function beginsWith({ bos, id }: { bos: string; id: number }): Record<string, unknown> {
  const special = { SpecialToken: { id: bos, type_id: 0 } }
  return {
    type: 'TemplateProcessing',
    single: [special, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [special, { Sequence: { id: 'A', type_id: 0 } }, special, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: { [bos]: { id: bos, ids: [id], tokens: [bos] } },
  }
}

/**
 * A tokenizer.bin of llama2.c as values of a GGUF file.
 *
 * @throws PithError as the reader of tokenizer.bin
 */
export function ggufTokenizerValues(bytes: Uint8Array): Map<string, GgufValue> {
  const { size } = readLlama2cTokenizer(bytes)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const tokens: string[] = []
  const scores = new Float32Array(size)
  const types = new Int32Array(size).fill(NORMAL)
  let at = 4
  for (let id = 0; id < size; id++) {
    scores[id] = view.getFloat32(at, true)
    const length = view.getInt32(at + 4, true)
    const text = new TextDecoder().decode(bytes.subarray(at + 8, at + 8 + length))
    at += 8 + length
    tokens.push(nameOf(id, text))
    if (id < BYTES_FROM) types[id] = id === 0 ? UNKNOWN : CONTROL
    else if (id < TEXT_FROM) types[id] = BYTE
  }
  return new Map<string, GgufValue>([
    ['tokenizer.ggml.model', { type: 'string', value: 'llama' }],
    ['tokenizer.ggml.pre', { type: 'string', value: 'default' }],
    ['tokenizer.ggml.tokens', { type: 'array', of: 'string', value: tokens }],
    ['tokenizer.ggml.scores', { type: 'array', of: 'f32', value: scores }],
    ['tokenizer.ggml.token_type', { type: 'array', of: 'i32', value: types }],
    ['tokenizer.ggml.unknown_token_id', { type: 'u32', value: 0 }],
    ['tokenizer.ggml.bos_token_id', { type: 'u32', value: 1 }],
    ['tokenizer.ggml.eos_token_id', { type: 'u32', value: 2 }],
    ['tokenizer.ggml.add_bos_token', { type: 'bool', value: true }],
    ['tokenizer.ggml.add_eos_token', { type: 'bool', value: false }],
    ['tokenizer.ggml.add_space_prefix', { type: 'bool', value: true }],
  ])
}

function nameOf(id: number, text: string): string {
  if (id < BYTES_FROM) return ['<unk>', '<s>', '</s>'][id] as string
  return id < TEXT_FROM ? byteName(id - BYTES_FROM) : text.replaceAll(' ', SPACE)
}

function byteName(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`
}

function textOf(metadata: Metadata, key: string): string | undefined {
  const value = metadata.get(`tokenizer.ggml.${key}`)
  return value?.type === 'string' ? value.value : undefined
}

function textsOf(metadata: Metadata, key: string): readonly string[] {
  const value = metadata.get(`tokenizer.ggml.${key}`)
  if (value?.type === 'array' && value.of === 'string') return value.value
  throw new PithError('PITH_MODEL', `the tokenizer has no ${key}`)
}

function numberOf(metadata: Metadata, key: string, other: number): number {
  const value = metadata.get(`tokenizer.ggml.${key}`)?.value
  return typeof value === 'number' ? value : other
}

function flagOf(metadata: Metadata, key: string, other: boolean): boolean {
  const value = metadata.get(`tokenizer.ggml.${key}`)?.value
  return typeof value === 'boolean' ? value : other
}
