/** Cross-encoders that the user brings: ONNX models that read query and document together. */
import { fingerprint, PithError, throwIfAborted } from '@pith/core'
import { checkInputs, pairRow, tokenFeeds } from '../dense/transformer.ts'
import type { IndexDocument } from '../types.ts'
import { textOf } from './corpus.ts'
import type { Teacher } from './teacher.ts'

/** A cross-encoder and how it is used. */
export interface CrossEncoderOptions {
  /** The ONNX file: inputs as those of an encoder, gives f32[batch, 1], or f32[batch, 2] whose second one says yes. */
  model: Uint8Array
  /** tokenizer.json, and tokenizer_config.json where there is one. */
  tokenizer: Uint8Array
  tokenizerConfig?: Uint8Array
  /** Tokens of a pair that are read, 4..8192. Default 350. */
  maxTokens?: number
  /** Pairs of a run of the model, 1..1024. Default 16. */
  batch?: number
}

/**
 * A teacher that is a cross-encoder.
 *
 * @throws PithError `PITH_MODEL` other inputs or outputs · `PITH_CAPABILITY` no runtime, or no tokenizers, are installed ·
 * `PITH_ARG` an option out of range
 */
export async function openCrossEncoder(
  documents: readonly IndexDocument[],
  options: CrossEncoderOptions,
): Promise<Teacher & { close(): Promise<void> }> {
  const { maxTokens = 350, batch = 16 } = options
  if (!(Number.isInteger(maxTokens) && maxTokens >= 4 && maxTokens <= 8192)) {
    throw new PithError('PITH_ARG', `maxTokens must be 4..8192, got ${maxTokens}`)
  }
  if (!(Number.isInteger(batch) && batch >= 1 && batch <= 1024)) {
    throw new PithError('PITH_ARG', `batch must be 1..1024, got ${batch}`)
  }
  const { loadRuntime, Tensor } = await import('@pith/engine')
  const { readHfTokenizer } = await import('@pith/engine/io')
  const tokenizer = await readHfTokenizer(options.tokenizer, options.tokenizerConfig)
  const session = await (await loadRuntime()).create(options.model)
  try {
    checkInputs(session)
  } catch (error) {
    await session.dispose()
    throw error
  }
  const output = Object.keys(session.outputs)[0] as string
  return {
    id: `onnx:${fingerprint(options.model).slice(0, 32)}:${tokenizer.fingerprint.slice(0, 16)}:${maxTokens}`,
    async score(query, rows, { signal } = {}) {
      const scores = new Float64Array(rows.length)
      for (let from = 0; from < rows.length; from += batch) {
        throwIfAborted(signal)
        const own = Array.from(rows.subarray(from, from + batch), (row) =>
          pairRow(tokenizer, query, textOf(documents[row] as IndexDocument), maxTokens),
        )
        const width = Math.max(1, ...own.map(({ ids }) => ids.length))
        const names = Object.keys(session.inputs)
        const feeds = tokenFeeds(own, names, width, (data, shape) => new Tensor(data, shape, 'i64'))
        const found = (await session.run(feeds, {}, { signal }))[output]
        scores.set(logitsOf(found?.dtype === 'f32' ? (found.data as Float32Array) : undefined, own.length), from)
      }
      return scores
    },
    close: () => session.dispose(),
  }
}

/** One score for each pair. */
function logitsOf(data: Float32Array | undefined, pairs: number): Float64Array {
  const width = (data?.length ?? 0) / pairs
  if (data === undefined || (width !== 1 && width !== 2)) {
    throw new PithError(
      'PITH_MODEL',
      `the model gave ${data?.length ?? 'no'} numbers for ${pairs} pairs, not one or two each`,
    )
  }
  return Float64Array.from({ length: pairs }, (_, i) =>
    width === 1 ? (data[i] as number) : (data[2 * i + 1] as number) - (data[2 * i] as number),
  )
}
