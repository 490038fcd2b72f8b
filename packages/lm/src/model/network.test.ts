import { Random } from '@pith/core'
import { checkGradients, i64, jit, nn, type Params, Tensor, type Value } from '@pith/engine'
import { expect, test } from 'vitest'
import { plainLogits } from '../../test/plain-llama.ts'
import type { LmConfig } from '../config.ts'
import { logitsOf } from './network.ts'

const BASE: LmConfig = {
  layers: 2,
  heads: 4,
  kvHeads: 4,
  headDim: 6,
  hidden: 16,
  ffn: 20,
  vocab: 23,
  ctx: 32,
  ropeTheta: 1000,
  normEps: 1e-5,
  tied: true,
  qkvBias: false,
}

const CONFIGS: Record<string, LmConfig> = {
  'one head of keys for each head of queries': BASE,
  'grouped heads': { ...BASE, kvHeads: 2 },
  'one head of keys, a head of its own for scores, additions': { ...BASE, kvHeads: 1, tied: false, qkvBias: true },
}

function netOf(config: LmConfig): nn.Module<readonly [Value], Value> {
  return nn.module((scope: nn.Scope, ids: Value) => logitsOf(scope, config, ids))
}

/** Parameters none of which is at a special value. */
function paramsOf(config: LmConfig): Params {
  const params = netOf(config).init(3, i64(1, 2))
  for (const [i, { data }] of Object.values(params).entries()) {
    const random = new Random(7).split(i)
    const numbers = data as Float32Array
    for (let j = 0; j < numbers.length; j++) numbers[j] = (numbers[j] as number) + 0.1 * random.normal()
  }
  return params
}

function idsOf(rows: readonly (readonly number[])[]): Tensor {
  return new Tensor(BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]?.length ?? 0])
}

test.each(Object.entries(CONFIGS))('logits are those of plain arithmetic: %s', async (_name, config) => {
  const params = paramsOf(config)
  const rows = [
    [1, 5, 5, 9, 22, 0, 7, 3, 3, 14],
    [2, 2, 2, 8, 1, 19, 20, 21, 4, 6],
  ]
  const net = netOf(config)
  const run = jit(({ ids, ...own }) => ({ logits: net.apply(own as Record<string, Value>, ids as Value) }))
  const { logits } = await run({ ids: idsOf(rows), ...params })
  await run.dispose()
  const wanted = rows.flatMap((row) => plainLogits(config, params, row).flatMap((own) => [...own]))
  const worst = Math.max(...wanted.map((want, i) => Math.abs(want - ((logits as Tensor).data as Float32Array)[i]!)))
  expect(Math.max(...wanted.map(Math.abs))).toBeGreaterThan(0.5)
  expect(worst).toBeLessThan(2e-5)
})

test('gradients of a weighted loss agree with finite differences', async () => {
  const config = CONFIGS['one head of keys, a head of its own for scores, additions'] as LmConfig
  const params = paramsOf({ ...config, layers: 1 })
  // Short vectors bend much within a step of the difference.
  const table = (params['embed.tokens'] as Tensor).data as Float32Array
  for (let i = 0; i < table.length; i++) table[i] = 8 * (table[i] as number)
  const names = Object.keys(params)
  const net = netOf({ ...config, layers: 1 })
  const ids = idsOf([[1, 5, 5, 9, 22, 0]])
  const errors = await checkGradients(
    (places, targets, weights, ...own) => {
      const values = Object.fromEntries(names.map((name, i) => [name, own[i] as Value]))
      return nn.crossEntropy(net.apply(values, places as Value), targets as Value, {
        weights: weights as Value,
      })
    },
    [
      ids,
      idsOf([[5, 5, 9, 22, 0, 7]]),
      new Tensor(Float32Array.of(1, 0, 0.3, 1, 2, 0.5), [1, 6]),
      ...names.map((name) => params[name] as Tensor),
    ],
    { tol: 0.01 },
  )
  expect(errors.length).toBeGreaterThanOrEqual(names.length)
})
