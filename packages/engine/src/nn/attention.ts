/** Attention with several heads. */
import { PithError } from '@pith/core'
import { attention } from '../array/layers.ts'
import { matmul } from '../array/linear.ts'
import { reshape, transpose } from '../array/movement.ts'
import type { Value } from '../ir/graph.ts'
import { shapeText } from '../shape.ts'
import { type Initializer, lecun, zeros } from './init.ts'
import type { Scope } from './scope.ts'

/** Settings of {@link mha}. */
export interface MhaOptions {
  /** Heads; they share the width of the input evenly. */
  heads: number
  /** Keys after a query are not seen. Default false. */
  causal?: boolean
  /** Added to the scores; broadcasts to [batch, heads, queries, keys]. */
  mask?: Value
  /** Where keys and values come from: [batch, keys, any width]. Default the input itself. */
  context?: Value
  /** What is done to queries and keys [batch, heads, tokens, width / heads], such as a rotation by their places. */
  turn?: (x: Value) => Value
  /** Default false. */
  bias?: boolean
  /** Default {@link lecun}. */
  init?: Initializer
}

/**
 * Attention of x[batch, tokens, width] with the matrices `wq`, `wk`, `wv` and `wo`, and `bq` and so on where asked for.
 *
 * @throws PithError `PITH_SHAPE` not three axes, or heads that do not divide the width
 */
export function mha(scope: Scope, x: Value, options: MhaOptions): Value {
  const { heads, causal = false, mask, context = x, turn = (value) => value, bias = false, init = lecun() } = options
  const [batch = 0, tokens = 0, width = 0] = x.shape
  if (x.shape.length !== 3 || context.shape.length !== 3 || !(heads >= 1) || width % heads !== 0) {
    throw new PithError('PITH_SHAPE', `mha: ${shapeText(x.shape)} does not split into ${heads} heads`)
  }
  const project = (from: Value, name: string): Value => {
    const w = scope.param(`w${name}`, [from.shape[2] as number, width], init)
    return bias ? matmul(from, w, { bias: scope.param(`b${name}`, [width], zeros()) }) : matmul(from, w)
  }
  const split = (from: Value, name: string): Value => {
    const parts = [batch, from.shape[1] as number, heads, width / heads]
    return transpose(reshape(project(from, name), parts), [0, 2, 1, 3])
  }
  const seen = attention(turn(split(x, 'q')), turn(split(context, 'k')), split(context, 'v'), {
    causal,
    ...(mask === undefined ? {} : { mask }),
  })
  return project(reshape(transpose(seen, [0, 2, 1, 3]), [batch, tokens, width]), 'o')
}
