/** Small transformers' look-alikes as ONNX files, and a tokenizer for them. */
import { writeModel } from '@pith/engine/onnx'

const WORDS = ['[UNK]', '[CLS]', '[SEP]', 'red', 'green', 'blue', 'warm', 'cold']

/** Ids: words by their places in the list, of which the first three are special; 0 stands for all others. */
export function colourTokenizer(words: readonly string[] = WORDS): Uint8Array {
  const special = words.slice(0, 3)
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
  const token = (id: string) => ({ id, ids: [special.indexOf(id)], tokens: [id] })
  const file = {
    version: '1.0',
    added_tokens: special.map((content, id) => ({ id, content, ...flags })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [
        { SpecialToken: { id: '[CLS]', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: '[SEP]', type_id: 0 } },
      ],
      pair: [],
      special_tokens: { '[CLS]': token('[CLS]'), '[SEP]': token('[SEP]') },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(words.map((word, id) => [word, id])),
    },
  }
  return new TextEncoder().encode(JSON.stringify(file))
}

/** What the table models look up: number j of token t. */
export function colourRow(token: number, dim: number): number[] {
  return Array.from({ length: dim }, (_, j) => (token === 0 ? 0 : ((3 * token + 5 * j) % 7) - 3))
}

/** A model that looks tokens up, f32[batch, tokens, dim]; `sum` adds them up to f32[batch, dim]. */
export function colourModel(dim: number, form: 'tokens' | 'sum' = 'tokens'): Uint8Array {
  const table = Float32Array.from(WORDS.flatMap((_, token) => colourRow(token, dim)))
  const size = (name: string | number) => (typeof name === 'number' ? { dimValue: name } : { dimParam: name })
  const info = (name: string, elemType: number, ...dims: (string | number)[]) => ({
    name,
    type: { tensorType: { elemType, shape: { dim: dims.map(size) } } },
  })
  const isSum = form === 'sum'
  return writeModel({
    irVersion: 9,
    opsetImport: [{ domain: '', version: 20 }],
    graph: {
      name: 'colours',
      node: [
        { input: ['table', 'input_ids'], output: [isSum ? 'rows' : 'last_hidden_state'], opType: 'Gather' },
        ...(isSum
          ? [
              {
                input: ['rows', 'axes'],
                output: ['logits'],
                opType: 'ReduceSum',
                attribute: [{ name: 'keepdims', i: 0, type: 2 }],
              },
            ]
          : []),
      ],
      initializer: [
        { dims: [WORDS.length, dim], dataType: 1, name: 'table', rawData: new Uint8Array(table.buffer) },
        ...(isSum
          ? [{ dims: [1], dataType: 7, name: 'axes', rawData: new Uint8Array(BigInt64Array.of(1n).buffer) }]
          : []),
      ],
      input: [info('input_ids', 7, 'batch', 'tokens')],
      output: [isSum ? info('logits', 1, 'batch', dim) : info('last_hidden_state', 1, 'batch', 'tokens', dim)],
    },
  })
}
