/** A small language model and its data: the same training wherever it runs. */
import { Random } from '@pith/core'
import { adamw, type Backend, compileTrainStep, i64, nn, ops, Tensor, type TrainStep, type Value } from '@pith/engine'

/** The sizes of a language model. */
export interface ModelSizes {
  readonly layers: number
  readonly width: number
  readonly heads: number
  readonly words: number
  readonly rows: number
  readonly tokens: number
}

/** What trains a model of these sizes, by AdamW with a limit of the norm. */
export async function compileLanguageModel(sizes: ModelSizes, backend: Backend): Promise<TrainStep> {
  const { layers, width, heads, words, rows, tokens } = sizes
  const net = nn.module((scope: nn.Scope, places: Value) => {
    const order = scope.param('order.w', [tokens, width], nn.normal(0.02))
    let x = ops.add(nn.embedding(scope.at('words'), places, { rows: words, width, init: nn.normal(0.02) }), order)
    for (let layer = 0; layer < layers; layer++) {
      const own = scope.at(`blocks.${layer}`)
      x = ops.add(x, nn.mha(own.at('attn'), nn.layerNorm(own.at('norm1'), x), { heads, causal: true }))
      x = ops.add(x, nn.mlp(own.at('mlp'), nn.layerNorm(own.at('norm2'), x), { hidden: 4 * width }))
    }
    return nn.linear(scope.at('head'), nn.layerNorm(scope.at('norm'), x), { outputs: words, bias: false })
  })
  return await compileTrainStep(
    (params, batch) => nn.crossEntropy(net.apply(params, batch['places'] as Value), batch['next'] as Value),
    {
      params: net.init(7, i64(rows, tokens)),
      batch: { places: i64(rows, tokens), next: i64(rows, tokens) },
      optimizer: adamw({ lr: 0.003 }),
      clip: { norm: 1 },
      backend,
    },
  )
}

/** Do some updates, each with a batch of its own. @returns their losses */
export async function trainLanguageModel(step: TrainStep, sizes: ModelSizes, updates: number): Promise<number[]> {
  const losses: number[] = []
  for (let i = 0; i < updates; i++) losses.push((await step.step(makeBatch(sizes, step.counts.steps))).loss)
  return losses
}

/** Rows of words of which each follows from the one before, but for every fourth, which is drawn. */
function makeBatch({ words, rows, tokens }: ModelSizes, update: number): Record<string, Tensor> {
  const random = new Random(3).split(update)
  const places = new BigInt64Array(rows * tokens)
  const next = new BigInt64Array(rows * tokens)
  for (let row = 0; row < rows; row++) {
    let word = random.u32() % words
    for (let token = 0; token < tokens; token++) {
      places[row * tokens + token] = BigInt(word)
      word = random.u32() % 4 === 0 ? random.u32() % words : (5 * word + 3) % words
      next[row * tokens + token] = BigInt(word)
    }
  }
  return { places: new Tensor(places, [rows, tokens]), next: new Tensor(next, [rows, tokens]) }
}
