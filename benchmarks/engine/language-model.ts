/** The language model that trainings are timed with: a transformer as GPT-2 has it, with untied heads and learned places. */
import { Random } from '@pith/core'
import { checkpoint, i64, nn, ops, type Params, type Spec, Tensor, type Value } from '@pith/engine'

/** Sizes of a language model and of what it is trained on. */
export interface ModelSize {
  readonly layers: number
  readonly width: number
  readonly heads: number
  readonly vocabulary: number
  readonly batch: number
  readonly tokens: number
}

/** Four layers on 8 x 128 tokens of 512 kinds. */
export function smallSize(width: number): ModelSize {
  return { layers: 4, width, heads: 4, vocabulary: 512, batch: 8, tokens: 128 }
}

/** Eight layers on longer texts, whose activations are most of the memory. */
export const DEEP: ModelSize = { layers: 8, width: 128, heads: 4, vocabulary: 512, batch: 8, tokens: 256 }

/** Standard deviation that GPT-2 starts its weights with. */
const DEVIATION = 0.02

const start = (random: Random, shape: readonly number[]): Float32Array => {
  const out = new Float32Array(shape.reduce((product, length) => product * length, 1))
  for (let i = 0; i < out.length; i++) out[i] = DEVIATION * random.normal()
  return out
}

function block(scope: nn.Scope, x: Value, { heads, width, batch, tokens }: ModelSize): Value {
  const normal = nn.layerNorm(scope.at('ln1'), x)
  const qkv = nn.linear(scope.at('qkv'), normal, { outputs: 3 * width, init: start })
  const split = ops.transpose(ops.reshape(qkv, [batch, tokens, 3, heads, width / heads]), [2, 0, 3, 1, 4])
  const [q, k, v] = ops.split(split, 3, 0).map((part) => ops.squeeze(part, [0])) as [Value, Value, Value]
  const seen = ops.attention(q, k, v, { causal: true })
  const merged = ops.reshape(ops.transpose(seen, [0, 2, 1, 3]), [batch, tokens, width])
  const after = ops.add(x, nn.linear(scope.at('out'), merged, { outputs: width, init: start }))
  const inner = ops.gelu(
    nn.linear(scope.at('up'), nn.layerNorm(scope.at('ln2'), after), { outputs: 4 * width, init: start }),
  )
  return ops.add(after, nn.linear(scope.at('down'), inner, { outputs: width, init: start }))
}

/** Logits of the next token at each place of i64[batch, tokens]. */
export function languageModel(
  size: ModelSize,
  { recompute = false }: { recompute?: boolean } = {},
): nn.Module<readonly [Value], Value> {
  const { layers, width, vocabulary, batch, tokens } = size
  return nn.module((scope: nn.Scope, ids: Value) => {
    const places = scope.param('places', [tokens, width], start)
    const rows = nn.embedding(scope.at('tokens'), ids, { rows: vocabulary, width, init: start })
    let x = ops.add(rows, places)
    for (let layer = 0; layer < layers; layer++) {
      const apply = (h: Value): Value => block(scope.at(layer), h, size)
      x = recompute ? (checkpoint((h) => [apply(h)])(x)[0] as Value) : apply(x)
    }
    const logits = nn.linear(scope.at('head'), nn.layerNorm(scope.at('ln'), x), { outputs: vocabulary, init: start })
    return ops.reshape(logits, [batch, tokens, vocabulary])
  })
}

/** Types and shapes of one batch: tokens and those that follow them. */
export function batchSpec({ batch, tokens }: ModelSize): { ids: Spec; next: Spec } {
  return { ids: i64(batch, tokens), next: i64(batch, tokens) }
}

/** Random tokens. */
export function randomBatch({ batch, tokens, vocabulary }: ModelSize, seed: number): Record<'ids' | 'next', Tensor> {
  const random = new Random(seed)
  const stream = BigInt64Array.from({ length: batch * (tokens + 1) }, () =>
    BigInt(Math.floor(random.uniform() * vocabulary)),
  )
  const take = (from: number): Tensor => {
    const rows = Array.from({ length: batch }, (_, row) => {
      const at = row * (tokens + 1) + from
      return [...stream.subarray(at, at + tokens)]
    })
    return new Tensor(BigInt64Array.from(rows.flat()), [batch, tokens])
  }
  return { ids: take(0), next: take(1) }
}

/** Parameters to start with; the same for the same seed. */
export function startOf(size: ModelSize, seed: number = 1): Params {
  return languageModel(size).init(seed, batchSpec(size).ids)
}

/** Elements of all parameters. */
export function countOf(params: Params): number {
  return Object.values(params).reduce((sum, { data }) => sum + data.length, 0)
}
