/** A whole encoder trained as the query side: the gradients of ranks go through the user's ONNX model. */
import { PithError } from '@pith/core'
import type { Tensor, TrainStep } from '@pith/engine'
import { checkInputs, outputOf, type TokenRow, tokenFeeds, tokenRow } from '../dense/transformer.ts'
import type { QueryTower } from './tower.ts'

/** A model and how its vectors are made; these have to be the settings of the encoder of the documents. */
export interface OnnxTowerOptions {
  model: Uint8Array
  tokenizer: Uint8Array
  tokenizerConfig?: Uint8Array
  /** Default `mean`. */
  pooling?: 'mean' | 'cls'
  /** Default true. */
  normalize?: boolean
  queryPrefix?: string
  /** Tokens of a query that are read, 2..8192; all take as long as the longest may be. Default 32. */
  maxTokens?: number
  /** Queries of a run of the model, 1..1024. Default 16. */
  batch?: number
  /** Weights of the model that stay. Default none. */
  frozen?: (name: string) => boolean
}

/** The query side while it is trained. */
export interface OnnxTower extends QueryTower {
  /** The ONNX file with the weights that were kept last. */
  model(): Promise<Uint8Array>
  close(): Promise<void>
}

/**
 * Train an ONNX encoder by `trainJpqTower`. Its rates are those of a network: `queryRate` 2e-5 rather than that of an adapter.
 *
 * @param queries  those of the targets, and behind them those that are held out
 * @throws PithError `PITH_MODEL` other inputs or outputs · `PITH_GRADIENT` an operator without one · `PITH_CAPABILITY`
 */
export async function openOnnxTower(queries: readonly string[], options: OnnxTowerOptions): Promise<OnnxTower> {
  const { pooling = 'mean', normalize = true, queryPrefix = '', maxTokens = 32, batch = 16 } = options
  const engine = await import('@pith/engine')
  const { fromModel, readModel, writeModel } = await import('@pith/engine/onnx')
  const { readHfTokenizer } = await import('@pith/engine/io')
  const { ops, Tensor, adamw } = engine
  const tokenizer = await readHfTokenizer(options.tokenizer, options.tokenizerConfig)
  const rows = queries.map((text) => tokenRow(tokenizer, queryPrefix + text, maxTokens))
  const file = readModel(options.model)
  const fixed = { dtype: 'i64', shape: [batch, maxTokens] } as const
  const names = ['input_ids', 'attention_mask', 'token_type_ids']
  const imported = fromModel(file, { inputs: Object.fromEntries(names.map((name) => [name, fixed])) })
  checkInputs(imported)
  const output = outputOf(imported)
  const shape = imported.outputs[output]?.shape ?? []
  const dim = shape.at(-1) ?? -1
  if (dim < 1) throw new PithError('PITH_MODEL', `the model gives vectors of unknown length: [${shape}]`)
  let rate = 0
  const step: TrainStep = await engine.fineTune(
    imported,
    (outputs, values) => {
      const found = outputs[output] as NonNullable<(typeof outputs)[string]>
      const weights = values['weights'] as NonNullable<(typeof values)[string]>
      const slopes = values['slopes'] as NonNullable<(typeof values)[string]>
      const pooled = shape.length === 3 ? ops.sum(ops.mul(found, weights), [1]) : found
      const vectors = normalize ? ops.normalize(pooled) : pooled
      return { loss: ops.sum(ops.mul(vectors, slopes)), aux: { vectors } }
    },
    {
      batch: { weights: { dtype: 'f32', shape: [batch, maxTokens, 1] }, slopes: { dtype: 'f32', shape: [batch, dim] } },
      optimizer: adamw({ weightDecay: 0.01 }),
      lr: () => rate,
      clip: { norm: 1 },
      ...(options.frozen && { frozen: options.frozen }),
    },
  )
  const inputs = Object.keys(imported.inputs)
  const feeds = (which: Uint32Array, slopes: Float32Array): Record<string, Tensor> => {
    const own: TokenRow[] = Array.from({ length: batch }, (_, i) =>
      i < which.length ? (rows[which[i] as number] as TokenRow) : { ids: [], second: 0 },
    )
    return {
      ...tokenFeeds(own, inputs, maxTokens, (data, size) => new Tensor(data, size, 'i64')),
      weights: new Tensor(poolWeights(own, maxTokens, pooling), [batch, maxTokens, 1]),
      slopes: new Tensor(slopes, [batch, dim]),
    }
  }
  const copy = (): Record<string, Tensor> =>
    Object.fromEntries(
      Object.entries(step.params).map(([name, { data, shape: size, dtype }]) => [
        name,
        new Tensor(data.slice(), size, dtype),
      ]),
    )
  let kept = copy()
  return {
    dim,
    async embed(which) {
      const out = new Float32Array(which.length * dim)
      for (let from = 0; from < which.length; from += batch) {
        const own = which.subarray(from, from + batch)
        const { aux } = await step.evaluate(feeds(own, new Float32Array(batch * dim)))
        const vectors = (aux['vectors'] as Tensor).data as Float32Array
        out.set(vectors.subarray(0, own.length * dim), from * dim)
      }
      return out
    },
    async step(which, gradients, own) {
      rate = own
      for (let from = 0; from < which.length; from += batch) {
        const slopes = new Float32Array(batch * dim)
        slopes.set(Float32Array.from(gradients.subarray(from * dim, (from + batch) * dim)))
        await step.step(feeds(which.subarray(from, from + batch), slopes))
      }
    },
    keep() {
      kept = copy()
    },
    model: async () => writeModel(engine.tunedModel(file, kept)),
    close: () => step.dispose(),
  }
}

/** How much each token counts: f32[rows, width, 1]. */
function poolWeights(rows: readonly TokenRow[], width: number, pooling: 'mean' | 'cls'): Float32Array<ArrayBuffer> {
  const weights = new Float32Array(rows.length * width)
  for (const [i, { ids }] of rows.entries()) {
    const count = pooling === 'cls' ? Math.min(1, ids.length) : ids.length
    weights.fill(1 / Math.max(1, count), i * width, i * width + count)
  }
  return weights
}
