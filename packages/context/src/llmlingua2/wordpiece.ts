import { PithError } from '@pith/core'

/** Tokens that stand for no text, by their ids. */
export const SPECIAL: readonly string[] = ['[PAD]', '[UNK]', '[CLS]', '[SEP]']

/**
 * A tokenizer.json of kind WordPiece, from texts: signs, the most frequent words, and the most frequent ends of the others. The same texts
 * give the same file.
 *
 * @param size  tokens in all, 200..65536
 * @throws PithError `PITH_ARG`
 */
export function trainWordPiece(texts: readonly string[], size: number): Uint8Array {
  if (!(Number.isInteger(size) && size >= 200 && size <= 65536))
    throw new PithError('PITH_ARG', `a vocabulary has 200 to 65536 tokens, not ${size}`)
  const words = new Map<string, number>()
  const signs = new Map<string, number>()
  for (const text of texts) {
    for (const [word] of text.toLowerCase().matchAll(/[\p{L}\p{M}\p{N}]+|[^\s\p{L}\p{M}\p{N}]/gu)) {
      words.set(word, (words.get(word) ?? 0) + 1)
      for (const sign of word) signs.set(sign, (signs.get(sign) ?? 0) + 1)
    }
  }
  const tokens = new Set<string>(SPECIAL)
  const printable = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i).toLowerCase())
  const all = [...new Set([...printable, ...best(signs, Math.floor(size / 8))])]
  for (const sign of all) tokens.add(sign).add(`##${sign}`)
  for (const word of best(words, Math.floor((size - tokens.size) * 0.8))) tokens.add(word)
  const ends = new Map<string, number>()
  for (const [word, count] of words) {
    if (tokens.has(word)) continue
    const own = [...word]
    for (let length = 2; length <= Math.min(6, own.length - 1); length++) {
      const end = `##${own.slice(-length).join('')}`
      ends.set(end, (ends.get(end) ?? 0) + count * (length - 1))
    }
  }
  for (const end of best(ends, size - tokens.size)) tokens.add(end)
  const vocab = Object.fromEntries([...tokens].slice(0, size).map((token, id) => [token, id]))
  const file = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: SPECIAL.map((content, id) => ({
      ...{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
    })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: false,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: aroundText(),
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab,
    },
  }
  return new TextEncoder().encode(JSON.stringify(file))
}

/** The most frequent, equal ones in the order of their signs. */
function best(counts: ReadonlyMap<string, number>, most: number): string[] {
  return [...counts]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .slice(0, Math.max(0, most))
    .map(([text]) => text)
}

/** [CLS] before a text and [SEP] behind it, for those who ask for special tokens. */
function aroundText(): object {
  const special = (id: string): object => ({ SpecialToken: { id, type_id: 0 } })
  const text = (id: string, type_id: number): object => ({ Sequence: { id, type_id } })
  const token = (id: string): object => ({ id, ids: [SPECIAL.indexOf(id)], tokens: [id] })
  return {
    type: 'TemplateProcessing',
    single: [special('[CLS]'), text('A', 0), special('[SEP]')],
    pair: [
      special('[CLS]'),
      text('A', 0),
      special('[SEP]'),
      text('B', 1),
      { SpecialToken: { id: '[SEP]', type_id: 1 } },
    ],
    special_tokens: { '[CLS]': token('[CLS]'), '[SEP]': token('[SEP]') },
  }
}
