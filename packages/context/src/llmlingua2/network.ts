import { type DType, nn, ops, type Value } from '@pith/engine'

/** Sizes of an encoder. */
export interface EncoderSizes {
  readonly vocab: number
  readonly width: number
  readonly layers: number
  readonly heads: number
  /** Most tokens of a window. */
  readonly length: number
}

const FAR = 1e4

/**
 * An encoder of tokens with two classes: logits f32[batch, tokens, 2] of `ids` and `mask`, i64[batch, tokens]. It asks its input for its
 * shape nowhere but where tokens become heads, so that a file of it takes any.
 */
export function encoder(sizes: EncoderSizes): nn.Module<[Value, Value], Value> {
  return nn.module((scope: nn.Scope, ids: Value, mask: Value) => {
    const seen = ops.cast(mask, 'f32' as DType)
    const places = ops.cast(ops.sub(ops.cumsum(seen, 1), 1), 'i64' as DType)
    const rows = ops.clip(places, 0, sizes.length - 1)
    let x = ops.add(
      nn.embedding(scope.at('tokens'), ids, { rows: sizes.vocab, width: sizes.width }),
      nn.embedding(scope.at('places'), rows, { rows: sizes.length, width: sizes.width }),
    )
    const hidden = ops.unsqueeze(ops.mul(ops.sub(seen, 1), FAR), [1, 2])
    for (let layer = 0; layer < sizes.layers; layer++) {
      const own = scope.at(`layers.${layer}`)
      x = ops.add(
        x,
        nn.mha(own.at('attention'), nn.layerNorm(own.at('before'), x), { heads: sizes.heads, mask: hidden }),
      )
      const wide = ops.gelu(nn.linear(own.at('up'), nn.layerNorm(own.at('between'), x), { outputs: 4 * sizes.width }))
      x = ops.add(x, nn.linear(own.at('down'), wide, { outputs: sizes.width }))
    }
    return nn.linear(scope.at('classes'), nn.layerNorm(scope.at('last'), x), { outputs: 2 })
  })
}
