/** The arithmetic of a llama in plain double precision, written apart from the graph: an oracle. */
import type { Params } from '@pith/engine'
import type { LmConfig } from '../src/config.ts'

type Rows = Float64Array[]

function weights(params: Params, name: string): Float32Array {
  return params[name]?.data as Float32Array
}

/** x times the transpose of a matrix [outputs, inputs], plus a bias where there is one. */
function project(params: Params, name: string, x: Rows): Rows {
  const w = weights(params, name)
  const bias = /attn\.w[qkv]$/.test(name) ? params[name.replace(/w(\w)$/, 'b$1')] : undefined
  const inputs = (x[0] as Float64Array).length
  const outputs = w.length / inputs
  return x.map((row) =>
    Float64Array.from({ length: outputs }, (_, o) => {
      let sum = (bias?.data[o] as number | undefined) ?? 0
      for (let i = 0; i < inputs; i++) sum += (row[i] as number) * (w[o * inputs + i] as number)
      return sum
    }),
  )
}

function norm(params: Params, name: string, x: Rows, epsilon: number): Rows {
  const scale = weights(params, name)
  return x.map((row) => {
    let sum = 0
    for (const value of row) sum += value * value
    const factor = 1 / Math.sqrt(sum / row.length + epsilon)
    return row.map((value, i) => value * factor * (scale[i] as number))
  })
}

/** Which elements of a head are turned against each other: i and i + headDim / 2, or 2i and 2i + 1. */
export type Turned = 'halves' | 'pairs'

/** Turn a head at a position. */
function turn(head: Float64Array, position: number, theta: number, turned: Turned): Float64Array {
  const half = head.length / 2
  const out = new Float64Array(head.length)
  for (let i = 0; i < half; i++) {
    const angle = position * theta ** (-i / half)
    const [p, q] = turned === 'halves' ? [i, i + half] : [2 * i, 2 * i + 1]
    const [a, b] = [head[p] as number, head[q] as number]
    out[p] = a * Math.cos(angle) - b * Math.sin(angle)
    out[q] = b * Math.cos(angle) + a * Math.sin(angle)
  }
  return out
}

function softmax(scores: number[]): number[] {
  const most = Math.max(...scores)
  const parts = scores.map((score) => Math.exp(score - most))
  const sum = parts.reduce((total, part) => total + part, 0)
  return parts.map((part) => part / sum)
}

/** Scores of the next token at each place: [tokens][vocab]. */
export function plainLogits(config: LmConfig, params: Params, ids: readonly number[], turned: Turned = 'halves'): Rows {
  const { layers, heads, kvHeads, headDim, hidden, ropeTheta, normEps, tied } = config
  const table = weights(params, 'embed.tokens')
  let x: Rows = ids.map((id) => Float64Array.from(table.subarray(id * hidden, (id + 1) * hidden)))
  const add = (a: Rows, b: Rows): Rows => a.map((row, t) => row.map((value, i) => value + (b[t]?.[i] as number)))
  for (let layer = 0; layer < layers; layer++) {
    const at = (name: string): string => `blocks.${layer}.${name}`
    const normed = norm(params, at('norm1.scale'), x, normEps)
    const [q, k, v] = ['q', 'k', 'v'].map((name) => project(params, at(`attn.w${name}`), normed)) as [Rows, Rows, Rows]
    const headOf = (rows: Rows, t: number, h: number): Float64Array =>
      (rows[t] as Float64Array).slice(h * headDim, (h + 1) * headDim)
    const mixed: Rows = ids.map((_, t) => {
      const out = new Float64Array(heads * headDim)
      for (let h = 0; h < heads; h++) {
        const own = Math.floor(h / (heads / kvHeads))
        const query = turn(headOf(q, t, h), t, ropeTheta, turned)
        const scores = Array.from({ length: t + 1 }, (_, s) => {
          const key = turn(headOf(k, s, own), s, ropeTheta, turned)
          return query.reduce((sum, value, i) => sum + value * (key[i] as number), 0) / Math.sqrt(headDim)
        })
        for (const [s, share] of softmax(scores).entries()) {
          const value = headOf(v, s, own)
          for (let i = 0; i < headDim; i++)
            out[h * headDim + i] = (out[h * headDim + i] as number) + share * (value[i] as number)
        }
      }
      return out
    })
    x = add(x, project(params, at('attn.wo'), mixed))
    const inner = norm(params, at('norm2.scale'), x, normEps)
    const gate = project(params, at('mlp.wGate'), inner)
    const up = project(params, at('mlp.wUp'), inner)
    const gated = gate.map((row, t) => row.map((value, i) => (value / (1 + Math.exp(-value))) * (up[t]?.[i] as number)))
    x = add(x, project(params, at('mlp.wDown'), gated))
  }
  const last = norm(params, 'norm.scale', x, normEps)
  return project(params, tied ? 'embed.tokens' : 'head.w', last)
}
