/** Small tokenizers in the form of Hugging Face. */

/** The letters that stand for bytes in files of GPT-2: printable ones for themselves, others from U+0100 on. */
function byteLetters(): string[] {
  const isPlain = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255)
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPlain(byte) ? byte : next++))
}

interface Added {
  readonly id: number
  readonly content: string
  readonly special: boolean
}

const added = (id: number, content: string): Added & Record<string, unknown> => ({
  id,
  content,
  special: true,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
})

/** Pairs of bytes: `lo`, `low`, `er`, `lower` and ` low`, and two special tokens. */
export function bytePairs(): {
  model: { type: string; vocab: Record<string, number>; merges: string[] }
  added_tokens: Added[]
} & Record<string, unknown> {
  const pieces = ['lo', 'low', 'er', 'lower', 'Ġlow']
  const vocab = Object.fromEntries([...byteLetters(), ...pieces].map((piece, id) => [piece, id]))
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [added(261, '<s>'), added(262, '</s>')],
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      vocab,
      merges: ['l o', 'lo w', 'e r', 'low er', 'Ġ low'],
    } as { type: string; vocab: Record<string, number>; merges: string[] },
  }
}

/** Pieces of words: `un`, `##aff` and `##able` behind three special tokens. */
export function wordPieces(): Record<string, unknown> {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [added(0, '[UNK]'), added(1, '[CLS]'), added(2, '[SEP]')],
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
      special_tokens: {
        '[CLS]': { id: '[CLS]', ids: [1], tokens: ['[CLS]'] },
        '[SEP]': { id: '[SEP]', ids: [2], tokens: ['[SEP]'] },
      },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: { '[UNK]': 0, '[CLS]': 1, '[SEP]': 2, un: 3, '##aff': 4, '##able': 5 },
    },
  }
}
