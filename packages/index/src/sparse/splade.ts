/** Learned-sparse encoders that the user brings: SPLADE models as ONNX files. */
import { fingerprint, meterProgress, PithError, type Run, throwIfAborted } from '@pith/core'
import type { SparseEncoder, SparseMatrix, SparseVector } from '../types.ts'
import { sparseMatrix } from './matrix.ts'

/** Where a model is and how it is used. */
export interface SpladeOptions {
  /** The ONNX file: inputs `input_ids`, `attention_mask` and perhaps `token_type_ids`, i64[batch, tokens]; one output of logits, f32[batch, tokens, vocabulary]. */
  model: Uint8Array
  /** tokenizer.json, and tokenizer_config.json where there is one. */
  tokenizer: Uint8Array
  tokenizerConfig?: Uint8Array
  /** Tokens of a text that are read, 2..8192. Default 256. */
  maxTokens?: number
  /** Components of a vector that are kept, the largest, 1..65535. Default 256. */
  keep?: number
  /** Texts of a run of the model. Default 8. */
  batch?: number
}

/**
 * An encoder of a SPLADE model: the weight of a word of the vocabulary is the greatest log(1 + max(0, logit)) over the tokens of a
 * text (Formal et al., SIGIR 2021). Special tokens are left out of the vectors.
 *
 * @throws PithError `PITH_MODEL` the model has other inputs or outputs · `PITH_CAPABILITY` no runtime, or no tokenizers, are installed ·
 * `PITH_ARG` an option is out of range
 */
export async function openSplade(options: SpladeOptions): Promise<SparseEncoder & { close(): Promise<void> }> {
  const { maxTokens = 256, keep = 256, batch = 8 } = options
  for (const [name, value, least, most] of [
    ['maxTokens', maxTokens, 2, 8192],
    ['keep', keep, 1, 65535],
    ['batch', batch, 1, 1024],
  ] as const) {
    if (!(Number.isInteger(value) && value >= least && value <= most)) {
      throw new PithError('PITH_ARG', `${name} must be an integer in ${least}..${most}, got ${value}`)
    }
  }
  const { loadRuntime, Tensor } = await import('@pith/engine')
  const { readHfTokenizer } = await import('@pith/engine/io')
  const tokenizer = await readHfTokenizer(options.tokenizer, options.tokenizerConfig)
  const session = await (await loadRuntime()).create(options.model)
  const [output, ...others] = Object.keys(session.outputs)
  const shape = output === undefined ? [] : (session.outputs[output]?.shape ?? [])
  const unknown = Object.keys(session.inputs).filter((name) => !INPUTS.includes(name))
  if (
    output === undefined ||
    others.length > 0 ||
    shape.length !== 3 ||
    unknown.length > 0 ||
    !('input_ids' in session.inputs)
  ) {
    await session.dispose()
    throw new PithError(
      'PITH_MODEL',
      'the model does not take token ids and give logits of shape [batch, tokens, vocabulary]',
      {
        hint: 'Export the masked language model, without pooling: its output is the logits.',
      },
    )
  }
  const own = shape[2]
  const dim = typeof own === 'number' && own > 0 ? own : tokenizer.size
  const special = new Set(tokenizer.special.values())

  const encodeBatch = async (texts: readonly string[], run: Run): Promise<SparseVector[]> => {
    const rows = texts.map((text) => cutTokens(tokenizer.encode(text, { special: true }), maxTokens))
    const width = Math.max(1, ...rows.map((row) => row.length))
    const ids = new BigInt64Array(rows.length * width)
    const mask = new BigInt64Array(rows.length * width)
    for (const [i, row] of rows.entries()) {
      for (const [j, id] of row.entries()) {
        ids[i * width + j] = BigInt(id)
        mask[i * width + j] = 1n
      }
    }
    const feeds = Object.fromEntries(
      Object.keys(session.inputs).map((name) => {
        const data = name === 'input_ids' ? ids : name === 'attention_mask' ? mask : new BigInt64Array(ids.length)
        return [name, new Tensor(data, [rows.length, width], 'i64')]
      }),
    )
    const logits = (await session.run(feeds, {}, { signal: run.signal }))[output]
    if (logits?.dtype !== 'f32' || logits.shape[2] !== dim) {
      throw new PithError(
        'PITH_MODEL',
        `logits f32[.., .., ${dim}] are expected, the model gave ${logits?.dtype}[${logits?.shape}]`,
      )
    }
    const data = logits.data as Float32Array
    return rows.map((row, i) => poolLogits(data.subarray(i * width * dim), row.length, dim, special, keep))
  }

  return {
    id: `splade:${fingerprint(options.model)}:${tokenizer.fingerprint}:${maxTokens}:${keep}`,
    dim,
    async encode(texts, _kind, run = {}): Promise<SparseMatrix> {
      const meter = meterProgress(run, { stage: 'sparse vectors', unit: 'rows', total: texts.length })
      const rows: SparseVector[] = []
      for (let from = 0; from < texts.length; from += batch) {
        throwIfAborted(run.signal)
        rows.push(...(await encodeBatch(texts.slice(from, from + batch), run)))
        meter.update(rows.length)
      }
      meter.finish()
      return sparseMatrix(rows, dim)
    },
    close: () => session.dispose(),
  }
}

const INPUTS: readonly string[] = ['input_ids', 'attention_mask', 'token_type_ids']

/** Tokens of a text at most; the last one, which ends it, stays. */
function cutTokens(ids: Int32Array, most: number): Int32Array {
  if (ids.length <= most) return ids
  const cut = ids.slice(0, most)
  cut[most - 1] = ids.at(-1) as number
  return cut
}

/** The greatest log(1 + logit) of each word over the tokens, the `keep` largest of them by word. */
function poolLogits(
  logits: Float32Array,
  tokens: number,
  dim: number,
  special: ReadonlySet<number>,
  keep: number,
): SparseVector {
  const most = new Float32Array(dim)
  for (let token = 0; token < tokens; token++) {
    for (let word = 0; word < dim; word++) {
      const logit = logits[token * dim + word] as number
      if (logit > (most[word] as number)) most[word] = logit
    }
  }
  const words: number[] = []
  for (let word = 0; word < dim; word++) if ((most[word] as number) > 0 && !special.has(word)) words.push(word)
  words.sort((a, b) => (most[b] as number) - (most[a] as number) || a - b)
  const indices = words.slice(0, keep).sort((a, b) => a - b)
  return { indices, values: indices.map((word) => Math.log1p(most[word] as number)) }
}
