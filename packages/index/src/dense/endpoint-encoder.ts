/** Encoders behind an OpenAI-style endpoint (`/embeddings`). Nothing is sent before it is opened. */
import { fingerprint, meterProgress, PithError, type Run, throwIfAborted } from '@pith/core'
import type { Encoder } from '../types.ts'
import { askEndpoint, type EndpointAddress } from './endpoint.ts'
import { toUnit } from './onnx-encoder.ts'

/** Where an encoder is, and what it is asked. */
export interface EndpointEncoderOptions extends EndpointAddress {
  /** Numbers of a vector. Without it one text is sent to find out. */
  readonly dim?: number
  /** Ask for vectors of `dim` numbers, which some models can shorten. Default false. */
  readonly shorten?: boolean
  /** Texts of a request, 1..2048. Default 64. */
  readonly batch?: number
  /** Bring vectors to length 1. Default true. */
  readonly normalize?: boolean
  /** What stands before each query, and before each document. Default nothing. */
  readonly queryPrefix?: string
  readonly documentPrefix?: string
}

/**
 * The encoder of an endpoint. Its id is that of address, model and settings: what the endpoint computes can't be seen.
 *
 * @throws PithError `PITH_NETWORK`, also for an answer that is none · `PITH_ARG` an option out of range, or what the endpoint
 * refuses; the abort reason
 */
export async function openEndpointEncoder(options: EndpointEncoderOptions, run: Run = {}): Promise<Encoder> {
  const { url, model, batch = 64, normalize = true, shorten = false, queryPrefix = '', documentPrefix = '' } = options
  if (!(Number.isInteger(batch) && batch >= 1 && batch <= 2048)) {
    throw new PithError('PITH_ARG', `batch must be 1..2048, got ${batch}`)
  }
  if (shorten && options.dim === undefined) throw new PithError('PITH_ARG', 'shorten needs dim')
  const ask = async (texts: readonly string[], own: Run): Promise<readonly Float32Array[]> => {
    const body = { input: texts, encoding_format: 'float', ...(shorten ? { dimensions: options.dim } : {}) }
    return embeddingsOf(await askEndpoint(options, 'embeddings', body, own.signal), texts.length)
  }
  const dim = options.dim ?? (await ask(['a'], run))[0]?.length ?? 0
  const settings = [String(url), model, dim, normalize, shorten, queryPrefix, documentPrefix]
  return {
    id: `endpoint:${fingerprint(new TextEncoder().encode(JSON.stringify(settings))).slice(0, 32)}`,
    dim,
    async encode(texts, kind, own = {}) {
      const prefix = kind === 'query' ? queryPrefix : documentPrefix
      const meter = meterProgress(own, { stage: 'vectors', unit: 'rows', total: texts.length })
      const data = new Float32Array(texts.length * dim)
      for (let from = 0; from < texts.length; from += batch) {
        throwIfAborted(own.signal)
        // Endpoints refuse empty texts.
        const asked = texts.slice(from, from + batch).map((text) => prefix + text || ' ')
        const rows = await ask(asked, own)
        for (const [i, row] of rows.entries()) {
          if (row.length !== dim) {
            throw new PithError('PITH_NETWORK', `the endpoint gave ${row.length} numbers a vector, ${dim} before`)
          }
          data.set(row, (from + i) * dim)
        }
        meter.update(from + rows.length)
      }
      if (normalize) toUnit(data, dim)
      meter.finish()
      return { n: texts.length, dim, data }
    },
  }
}

/** The vectors of an answer, in the order in which their texts were sent. @throws PithError `PITH_NETWORK` it has others */
export function embeddingsOf(answer: unknown, count: number): readonly Float32Array[] {
  const data = (answer as { data?: unknown } | null)?.data
  if (!Array.isArray(data) || data.length !== count) {
    throw unlike(`${Array.isArray(data) ? data.length : 'no'} vectors for ${count} texts`)
  }
  const rows: Float32Array[] = []
  for (const [place, own] of data.entries()) {
    const { index = place, embedding } = (own ?? {}) as { index?: unknown; embedding?: unknown }
    if (!(typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < count) || rows[index]) {
      throw unlike(`a vector of number ${String(index).slice(0, 20)}`)
    }
    if (!Array.isArray(embedding) || embedding.length === 0 || !embedding.every((value) => Number.isFinite(value))) {
      throw unlike(`vector ${index}, which is no list of numbers`)
    }
    rows[index] = Float32Array.from(embedding)
  }
  return rows
}

function unlike(what: string): PithError {
  return new PithError('PITH_NETWORK', `the endpoint answered with ${what}`, { hint: 'Check address and model.' })
}
