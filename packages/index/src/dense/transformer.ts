/** What transformers take, and what they give. */
import { PithError } from '@pith/core'
import type { Tensor } from '@pith/engine'
import type { Tokenizer } from '@pith/engine/io'

/** Tokens of a text, or of a pair of texts behind each other. */
export interface TokenRow {
  readonly ids: ArrayLike<number>
  /** Where the second text of a pair begins; the end where there is none. */
  readonly second: number
}

/** Names that exports give to finished vectors, and to vectors of tokens. */
const OUTPUTS = ['sentence_embedding', 'last_hidden_state', 'token_embeddings'] as const

/** What models of texts take. */
const INPUTS: readonly string[] = ['input_ids', 'attention_mask', 'token_type_ids']

/** @throws PithError `PITH_MODEL` a model that takes something else */
export function checkInputs({ inputs }: { readonly inputs: Readonly<Record<string, unknown>> }): void {
  const unknown = Object.keys(inputs).find((name) => !INPUTS.includes(name))
  if (unknown === undefined && Object.hasOwn(inputs, 'input_ids')) return
  throw new PithError(
    'PITH_MODEL',
    `the model takes ${Object.keys(inputs).join(', ').slice(0, 80)}, not ids of tokens`,
    {
      hint: 'Its inputs have to be input_ids, and perhaps attention_mask and token_type_ids.',
    },
  )
}

/** The output that vectors are taken from. @throws PithError `PITH_MODEL` */
export function outputOf({
  outputs,
}: {
  readonly outputs: Readonly<Record<string, { readonly shape: ArrayLike<unknown> }>>
}): string {
  const names = Object.keys(outputs)
  const output = OUTPUTS.find((name) => names.includes(name)) ?? names[0]
  const rank = output === undefined ? 0 : outputs[output]?.shape.length
  if (output !== undefined && (rank === 2 || rank === 3)) return output
  throw new PithError('PITH_MODEL', `the model gives ${names.join(', ').slice(0, 80)}, no vectors`, {
    hint: 'Its output has to be f32[batch, tokens, dim] or f32[batch, dim].',
  })
}

/** Tokens of a text, `most` at most; the last one, which ends it, stays. */
export function tokenRow(tokenizer: Tokenizer, text: string, most: number): TokenRow {
  const ids = cut(tokenizer.encode(text, { special: true }), most)
  return { ids, second: ids.length }
}

/** Tokens of a pair: those of the second text stand behind the first, without the one that begins a text. */
export function pairRow(tokenizer: Tokenizer, first: string, second: string, most: number): TokenRow {
  const own = cut(tokenizer.encode(first, { special: true }), most >> 1)
  const bare = tokenizer.encode(second).length
  const other = tokenizer.encode(second, { special: true })
  // With a token at each end, the first of the second text would begin a text anew.
  const rest = cut(other.subarray(other.length > bare + 1 ? 1 : 0), most - own.length)
  return { ids: [...own, ...rest], second: own.length }
}

/** Inputs i64[rows.length, width] by name. */
export function tokenFeeds(
  rows: readonly TokenRow[],
  names: readonly string[],
  width: number,
  make: (data: BigInt64Array, shape: number[]) => Tensor,
): Record<string, Tensor> {
  const [ids, mask, types] = [0, 1, 2].map(() => new BigInt64Array(rows.length * width)) as [
    BigInt64Array,
    BigInt64Array,
    BigInt64Array,
  ]
  for (const [i, row] of rows.entries()) {
    for (let j = 0; j < row.ids.length; j++) {
      ids[i * width + j] = BigInt(row.ids[j] as number)
      mask[i * width + j] = 1n
      if (j >= row.second) types[i * width + j] = 1n
    }
  }
  const data: Record<string, BigInt64Array> = { input_ids: ids, attention_mask: mask, token_type_ids: types }
  return Object.fromEntries(names.map((name) => [name, make(data[name] as BigInt64Array, [rows.length, width])]))
}

function cut(ids: Int32Array, most: number): Int32Array {
  if (ids.length <= most) return ids
  const kept = ids.slice(0, most)
  kept[most - 1] = ids.at(-1) as number
  return kept
}
