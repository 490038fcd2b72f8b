/** Text to the ids of tokens and back: what every tokenizer does, and how those of Hugging Face are read. */
import { concatBytes, type Fingerprint, fingerprint, PithError } from '@pith/core'
import { isRecord, parseJsonBytes } from './json-text.ts'

/** How a text becomes ids. */
export interface EncodeOptions {
  /** Whether the tokens that the tokenizer puts around a text, such as that of its beginning, are added. Default false. */
  special?: boolean
}

/** How ids become a text. */
export interface DecodeOptions {
  /** Whether special tokens are written out. Default false. */
  special?: boolean
}

/** Text to ids and back. */
export interface Tokenizer {
  /** Every id is below it. */
  readonly size: number
  /** Id that begins a text, where there is one. */
  readonly bos: number | undefined
  /** Id that ends one, where there is one. */
  readonly eos: number | undefined
  /** Ids of the tokens that stand for no text, by their names. */
  readonly special: ReadonlyMap<string, number>
  /** Of the files that it was read from: equal ones give equal ids. */
  readonly fingerprint: Fingerprint
  encode(text: string, options?: EncodeOptions): Int32Array
  /** @throws PithError `PITH_ARG` an id that it does not have */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string
}

/** Largest id, and most tokens, that a file may name. */
const MAX_ID = 1 << 24

/** Kinds of tokenizers that the library has; files without a kind are older ones of these. */
const MODELS: readonly unknown[] = ['BPE', 'Unigram', 'WordPiece']

/** The part of the library that is used. */
interface Library {
  readonly Tokenizer: new (tokenizer: object, config: object) => LibraryTokenizer
}

interface LibraryTokenizer {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: readonly number[] }
  decode(ids: number[], options: { skip_special_tokens: boolean }): string
  token_to_id(token: string): number | undefined
  id_to_token(id: number): string | undefined
  get_added_tokens_decoder(): ReadonlyMap<number, { readonly content: string; readonly special: boolean }>
}

/**
 * Read a tokenizer.json, by `@huggingface/tokenizers`.
 *
 * @param json    the file
 * @param config  the tokenizer_config.json beside it, which names the tokens that begin and end a text
 * @throws PithError `PITH_CAPABILITY` the library is not installed · `PITH_CORRUPT` no JSON, or no tokenizer ·
 * `PITH_UNSUPPORTED` another kind
 * of tokenizer · `PITH_LIMIT` ids of 2^24 or more
 */
export async function readHfTokenizer(json: Uint8Array, config?: Uint8Array): Promise<Tokenizer> {
  const file = recordOf(json, 'tokenizer.json')
  const settings = config === undefined ? {} : recordOf(config, 'tokenizer_config.json')
  const size = sizeOf(file)
  let library: Library
  try {
    library = (await import('@huggingface/tokenizers')) as unknown as Library
  } catch (cause) {
    throw new PithError('PITH_CAPABILITY', 'the library that reads tokenizer.json is not installed', {
      cause,
      hint: 'Run: npm install @huggingface/tokenizers',
    })
  }
  const own = guarded('it can not be read', () => new library.Tokenizer(file, settings))
  const mark = fingerprint(concatBytes([json, config ?? new Uint8Array(0)]))
  return new HfTokenizer(own, size, mark, settings)
}

class HfTokenizer implements Tokenizer {
  readonly size: number
  readonly bos: number | undefined
  readonly eos: number | undefined
  readonly special: ReadonlyMap<string, number>
  readonly fingerprint: Fingerprint
  readonly #own: LibraryTokenizer

  constructor(own: LibraryTokenizer, size: number, mark: Fingerprint, config: Record<string, unknown>) {
    this.#own = own
    this.size = size
    this.fingerprint = mark
    const idOf = (key: string): number | undefined => {
      const value = config[key]
      const name = isRecord(value) ? value['content'] : value
      return typeof name === 'string' ? own.token_to_id(name) : undefined
    }
    this.bos = idOf('bos_token')
    this.eos = idOf('eos_token')
    const added = [...own.get_added_tokens_decoder()].filter(([, token]) => token.special)
    this.special = new Map(added.map(([id, { content }]) => [content, id]))
  }

  encode(text: string, { special = false }: EncodeOptions = {}): Int32Array {
    return Int32Array.from(
      guarded('it fails on a text', () => this.#own.encode(text, { add_special_tokens: special }).ids),
    )
  }

  decode(ids: ArrayLike<number>, { special = false }: DecodeOptions = {}): string {
    const list = Array.from(ids)
    for (const id of list) {
      if (this.#own.id_to_token(id) === undefined) throw new PithError('PITH_ARG', `the tokenizer has no token ${id}`)
    }
    if (list.length === 0) return ''
    return guarded('it fails on ids', () => this.#own.decode(list, { skip_special_tokens: !special }))
  }
}

function recordOf(bytes: Uint8Array, what: string): Record<string, unknown> {
  const value = parseJsonBytes(bytes, what)
  if (!isRecord(value)) throw new PithError('PITH_CORRUPT', `${what} is no object`)
  return value
}

/** One more than the largest id that a tokenizer.json names. */
function sizeOf(file: Record<string, unknown>): number {
  const model = file['model']
  if (!isRecord(model)) throw new PithError('PITH_CORRUPT', 'tokenizer.json has no model')
  const { vocab, type } = model
  if (type !== undefined && !MODELS.includes(type)) {
    throw new PithError('PITH_UNSUPPORTED', `tokenizers of the kind ${JSON.stringify(type).slice(0, 40)} are not read`)
  }
  let most = -1
  const take = (id: unknown): void => {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0) {
      throw new PithError('PITH_CORRUPT', `tokenizer.json has the id ${String(id).slice(0, 40)}`)
    }
    if (id >= MAX_ID)
      throw new PithError('PITH_LIMIT', `tokenizer.json has the id ${id}, at most ${MAX_ID - 1} is read`)
    if (id > most) most = id
  }
  if (isRecord(vocab)) for (const id of Object.values(vocab)) take(id)
  else if (Array.isArray(vocab)) take(vocab.length - 1)
  else throw new PithError('PITH_CORRUPT', 'tokenizer.json has no vocabulary')
  const added = file['added_tokens'] ?? []
  if (!Array.isArray(added)) throw new PithError('PITH_CORRUPT', 'the added tokens of tokenizer.json are no list')
  for (const token of added) take(isRecord(token) ? token['id'] : undefined)
  return most + 1
}

/** What the library throws, as an error of ours. */
function guarded<T>(what: string, call: () => T): T {
  try {
    return call()
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    throw new PithError('PITH_CORRUPT', `the tokenizer of tokenizer.json: ${what}: ${text.slice(0, 120)}`, { cause })
  }
}
