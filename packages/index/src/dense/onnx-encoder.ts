/** Encoders that the user brings: transformers as ONNX files. */
import { fingerprint, meterProgress, PithError, type Run, throwIfAborted } from '@pith/core'
import type { Tensor } from '@pith/engine'
import type { Encoder } from '../types.ts'
import { checkInputs, outputOf, type TokenRow, tokenFeeds, tokenRow } from './transformer.ts'

/** A model and how its vectors are made. */
export interface OnnxEncoderOptions {
  /** The ONNX file: `input_ids` and perhaps `attention_mask`, `token_type_ids`, i64[batch, tokens]; gives f32[batch, tokens, dim] or f32[batch, dim]. */
  model: Uint8Array
  /** tokenizer.json, and tokenizer_config.json where there is one. */
  tokenizer: Uint8Array
  tokenizerConfig?: Uint8Array
  /** Vectors of tokens become their mean (the default) or that of the first. */
  pooling?: 'mean' | 'cls'
  /** Bring vectors to length 1. Default true. */
  normalize?: boolean
  /** What stands before each query, and before each document. Default nothing. */
  queryPrefix?: string
  documentPrefix?: string
  /** Tokens of a text that are read, 2..8192. Default 256. */
  maxTokens?: number
  /** Texts of a run of the model, 1..1024. Default 8. */
  batch?: number
}

/** An encoder that holds a model in memory until it is closed. */
export interface OnnxEncoder extends Encoder {
  close(): Promise<void>
}

/**
 * The encoder of an ONNX file.
 *
 * @throws PithError `PITH_MODEL` other inputs or outputs · `PITH_CAPABILITY` no runtime, or no tokenizers, are installed ·
 * `PITH_ARG` an option out of range
 */
export async function openOnnxEncoder(options: OnnxEncoderOptions): Promise<OnnxEncoder> {
  const { pooling = 'mean', normalize = true, maxTokens = 256, batch = 8 } = options
  const { queryPrefix = '', documentPrefix = '' } = options
  checkOptions(pooling, { maxTokens: [maxTokens, 2, 8192], batch: [batch, 1, 1024] })
  const { loadRuntime, Tensor } = await import('@pith/engine')
  const { readHfTokenizer } = await import('@pith/engine/io')
  const tokenizer = await readHfTokenizer(options.tokenizer, options.tokenizerConfig)
  const session = await (await loadRuntime()).create(options.model)
  try {
    checkInputs(session)
    const output = outputOf(session)
    const make = (data: BigInt64Array, shape: number[]): Tensor => new Tensor(data, shape, 'i64')
    const encodeRows = async (rows: readonly TokenRow[], run: Run): Promise<{ data: Float32Array; dim: number }> => {
      const width = Math.max(1, ...rows.map(({ ids }) => ids.length))
      const feeds = tokenFeeds(rows, Object.keys(session.inputs), width, make)
      return pooled(rows, (await session.run(feeds, {}, { signal: run.signal }))[output], width, pooling)
    }
    const { dim } = await encodeRows([tokenRow(tokenizer, 'a', maxTokens)], {})
    const settings = [pooling, normalize, maxTokens, queryPrefix, documentPrefix]
    const name = fingerprint(new TextEncoder().encode(JSON.stringify(settings))).slice(0, 16)
    return {
      id: `onnx:${fingerprint(options.model).slice(0, 32)}:${tokenizer.fingerprint.slice(0, 16)}:${name}`,
      dim,
      async encode(texts, kind, run = {}) {
        const prefix = kind === 'query' ? queryPrefix : documentPrefix
        const meter = meterProgress(run, { stage: 'vectors', unit: 'rows', total: texts.length })
        const data = new Float32Array(texts.length * dim)
        for (let from = 0; from < texts.length; from += batch) {
          throwIfAborted(run.signal)
          const rows = texts.slice(from, from + batch).map((text) => tokenRow(tokenizer, prefix + text, maxTokens))
          data.set((await encodeRows(rows, run)).data, from * dim)
          meter.update(from + rows.length)
        }
        if (normalize) toUnit(data, dim)
        meter.finish()
        return { n: texts.length, dim, data }
      },
      close: () => session.dispose(),
    }
  } catch (error) {
    await session.dispose()
    throw error
  }
}

/** One vector for each row. */
function pooled(
  rows: readonly TokenRow[],
  found: Tensor | undefined,
  width: number,
  pooling: 'mean' | 'cls',
): { data: Float32Array; dim: number } {
  const shape = found?.shape ?? []
  const dim = shape.at(-1) ?? 0
  const isPooled = shape.length === 2
  if (found?.dtype !== 'f32' || shape[0] !== rows.length || dim < 1 || !(isPooled || shape[1] === width)) {
    throw new PithError(
      'PITH_MODEL',
      `the model gave ${found?.dtype}[${shape}] for ${rows.length} texts of ${width} tokens`,
    )
  }
  const values = found.data as Float32Array
  if (isPooled) return { data: values, dim }
  const data = new Float32Array(rows.length * dim)
  for (const [i, { ids }] of rows.entries()) {
    const count = pooling === 'cls' ? 1 : ids.length
    for (let token = 0; token < count; token++) {
      for (let j = 0; j < dim; j++) data[i * dim + j] += (values[(i * width + token) * dim + j] as number) / count
    }
  }
  return { data, dim }
}

/** Bring rows to length 1; rows of zeros stay. */
export function toUnit(data: Float32Array, dim: number): void {
  for (let from = 0; from < data.length; from += dim) {
    let square = 0
    for (let j = from; j < from + dim; j++) square += (data[j] as number) ** 2
    const factor = square > 0 ? 1 / Math.sqrt(square) : 0
    for (let j = from; j < from + dim; j++) data[j] = factor * (data[j] as number)
  }
}

function checkOptions(pooling: string, ranges: Readonly<Record<string, readonly [number, number, number]>>): void {
  if (pooling !== 'mean' && pooling !== 'cls')
    throw new PithError('PITH_ARG', `pooling must be mean or cls, got ${pooling}`)
  for (const [name, [value, least, most]] of Object.entries(ranges)) {
    if (Number.isInteger(value) && value >= least && value <= most) continue
    throw new PithError('PITH_ARG', `${name} must be an integer in ${least}..${most}, got ${value}`)
  }
}
