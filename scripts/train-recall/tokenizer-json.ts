/** A tokenizer.bin of llama2.c as a tokenizer.json of Hugging Face: byte-pair merges in the order of the scores. */

/** Ids of special pieces and bytes come before those of text. */
const TEXT_FROM = 259

interface Piece {
  readonly text: string
  readonly score: number
}

function readPieces(bytes: Uint8Array): Piece[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const pieces: Piece[] = []
  for (let at = 4; at < bytes.length; ) {
    const [score, length] = [view.getFloat32(at, true), view.getInt32(at + 4, true)]
    at += 8
    pieces.push({ text: new TextDecoder().decode(bytes.subarray(at, at + length)), score })
    at += length
  }
  return pieces
}

/** The text of the tokenizer_config.json beside it. */
export function tokenizerConfigJson(): string {
  const value = {
    tokenizer_class: 'LlamaTokenizer',
    bos_token: '<s>',
    eos_token: '</s>',
    unk_token: '<unk>',
    add_bos_token: true,
    add_eos_token: false,
    // Spaces before commas stay.
    clean_up_tokenization_spaces: false,
  }
  return `${JSON.stringify(value, undefined, 1)}\n`
}

/** The text of a tokenizer.json that gives the ids of llama2.c, with a space in front of each text. */
export function tokenizerJson(bytes: Uint8Array): string {
  const pieces = readPieces(bytes)
  const shown = (text: string): string => text.replaceAll(' ', '\u2581')
  const special = ['<unk>', '<s>', '</s>']
  const names = pieces.map(({ text }, id) => special[id] ?? (id < TEXT_FROM ? text : shown(text)))
  const known = new Map(names.map((name, id) => [name, id] as const).filter(([, id]) => id >= TEXT_FROM))
  const merges: { pair: [string, string]; score: number; id: number }[] = []
  for (const [name, id] of known) {
    const letters = Array.from(name)
    for (let i = 1; i < letters.length; i++) {
      const pair: [string, string] = [letters.slice(0, i).join(''), letters.slice(i).join('')]
      if (pair.every((part) => known.has(part))) merges.push({ pair, score: pieces[id]?.score ?? 0, id })
    }
  }
  merges.sort((a, b) => b.score - a.score || a.id - b.id)
  const value = {
    version: '1.0',
    truncation: null,
    padding: null,
    // Without `<unk>`: WikiText has it as text.
    added_tokens: [1, 2].map((id) => ({
      id,
      content: special[id],
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Prepend', prepend: '\u2581' },
        { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' },
      ],
    },
    pre_tokenizer: null,
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [
        { SpecialToken: { id: '<s>', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: '<s>', type_id: 1 } },
        { Sequence: { id: 'B', type_id: 1 } },
      ],
      special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '\u2581' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<unk>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(names.map((name, id) => [name, id])),
      merges: merges.map(({ pair }) => pair.join(' ')),
    },
  }
  return `${JSON.stringify(value, undefined, 1)}\n`
}
