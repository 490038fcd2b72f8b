/** The llama architecture as a program: norms by root mean square, rotary positions, SwiGLU. */
import { nn, ops, Tensor, type Value } from '@pith/engine'
import type { LmConfig } from '../config.ts'
import { ropeTables } from './rope.ts'

/** Deviation of the first values of the table of tokens. */
const EMBED_STD = 0.02

/**
 * Hidden states of whole rows, before the last projection. Matrices are [outputs, inputs], as files have them.
 *
 * @param ids i64[rows, tokens]; position 0 is the first token of each row
 * @returns f32[rows, tokens, hidden]
 */
export function hiddenStates(scope: nn.Scope, config: LmConfig, ids: Value): Value {
  const { vocab, hidden, layers, normEps } = config
  const [, tokens = 0] = ids.shape
  const tables = ropeTables(config, tokens)
  const turn = (x: Value): Value => ops.rope(x, ops.constant(x, tables.cos), ops.constant(x, tables.sin))
  const causal = causalMask(tokens)
  let x = ops.gatherRows(tableOf(scope, vocab, hidden), ids)
  for (let layer = 0; layer < layers; layer++) {
    const block = scope.at('blocks').at(layer)
    x = ops.add(x, attend(block.at('attn'), config, norm(block.at('norm1'), x, normEps), turn, causal))
    x = ops.add(x, feedForward(block.at('mlp'), config, norm(block.at('norm2'), x, normEps)))
  }
  return norm(scope.at('norm'), x, normEps)
}

/** Scores of the next token: f32[rows, tokens, vocab]. */
export function logitsOf(scope: nn.Scope, config: LmConfig, ids: Value): Value {
  const states = hiddenStates(scope, config, ids)
  const { tied, vocab, hidden } = config
  const head = tied ? tableOf(scope, vocab, hidden) : scope.param('head.w', [vocab, hidden], nn.lecun())
  return ops.matmul(states, head, { transB: true })
}

function tableOf(scope: nn.Scope, vocab: number, hidden: number): Value {
  return scope.param('embed.tokens', [vocab, hidden], nn.normal(EMBED_STD))
}

function norm(scope: nn.Scope, x: Value, epsilon: number): Value {
  return ops.rmsNorm(x, scope.param('scale', [x.shape.at(-1) as number], nn.ones()), epsilon)
}

/** x times a matrix [outputs, inputs]; the first values keep the scale. */
function project(scope: nn.Scope, name: string, x: Value, outputs: number, bias: boolean): Value {
  const inputs = x.shape.at(-1) as number
  const w = scope.param(`w${name}`, [outputs, inputs], (random) => nn.lecun()(random, [inputs, outputs]))
  const options = bias ? { bias: scope.param(`b${name}`, [outputs], nn.zeros()) } : {}
  return ops.matmul(x, w, { transB: true, ...options })
}

function attend(scope: nn.Scope, config: LmConfig, x: Value, turn: (x: Value) => Value, causal: Tensor): Value {
  const { heads, kvHeads, headDim, hidden, qkvBias } = config
  const [rows = 0, tokens = 0] = x.shape
  const split = (name: string, count: number): Value => {
    const parts = ops.reshape(project(scope, name, x, count * headDim, qkvBias), [rows, tokens, count, headDim])
    return ops.transpose(parts, [0, 2, 1, 3])
  }
  const q = turn(split('q', heads))
  const k = turn(split('k', kvHeads))
  const v = split('v', kvHeads)
  const shared = heads / kvHeads
  // Queries that share keys stand side by side on an axis of their own: [rows, kvHeads, shared, tokens, headDim].
  const grouped = (y: Value, count: number): Value =>
    shared === 1 ? y : ops.reshape(y, [rows, kvHeads, count, tokens, headDim])
  const scores = ops.matmul(grouped(q, shared), grouped(k, 1), { transB: true, alpha: 1 / Math.sqrt(headDim) })
  const seen = ops.softmax(ops.add(scores, ops.constant(scores, causal)))
  const mixed = ops.reshape(ops.matmul(seen, grouped(v, 1)), [rows, heads, tokens, headDim])
  return project(
    scope,
    'o',
    ops.reshape(ops.transpose(mixed, [0, 2, 1, 3]), [rows, tokens, heads * headDim]),
    hidden,
    false,
  )
}

function feedForward(scope: nn.Scope, { ffn, hidden }: LmConfig, x: Value): Value {
  const gate = project(scope, 'Gate', x, ffn, false)
  const inner = ops.mul(ops.silu(gate), project(scope, 'Up', x, ffn, false))
  return project(scope, 'Down', inner, hidden, false)
}

/** What is added to scores: f32[tokens, tokens], keys after their query are not seen. */
function causalMask(tokens: number): Tensor {
  const data = new Float32Array(tokens * tokens)
  for (let i = 0; i < tokens; i++) data.fill(-1e30, i * tokens + i + 1, (i + 1) * tokens)
  return new Tensor(data, [tokens, tokens])
}
