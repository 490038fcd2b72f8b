/** Encoders in folders, as model hubs have them. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { PithError } from '@pith/core'
import { type OnnxEncoder, type OnnxEncoderOptions, openOnnxEncoder } from '../onnx-encoder.ts'

/** Places of the model below the folder, the first that is there counts. */
const MODELS = ['model.onnx', 'onnx/model.onnx'] as const
const MAX_JSON = 2 ** 28

/**
 * The encoder in a folder: model.onnx (or onnx/model.onnx), tokenizer.json, and perhaps tokenizer_config.json and
 * 1_Pooling/config.json, which says how vectors of tokens become one unless `pooling` does.
 *
 * @throws PithError `PITH_IO` a file is missing · what {@link openOnnxEncoder} throws
 */
export async function openOnnxEncoderFolder(
  folder: string,
  options: Omit<OnnxEncoderOptions, 'model' | 'tokenizer' | 'tokenizerConfig'> = {},
): Promise<OnnxEncoder> {
  const found = await Promise.all(MODELS.map((name) => readIfThere(join(folder, name))))
  const model = found.find((bytes) => bytes !== undefined)
  const tokenizer = await readIfThere(join(folder, 'tokenizer.json'))
  if (model === undefined || tokenizer === undefined) {
    const missing = model === undefined ? MODELS.join(' or ') : 'tokenizer.json'
    throw new PithError('PITH_IO', `${folder} has no ${missing}`, {
      hint: 'Export the model to ONNX with its tokenizer.',
    })
  }
  const tokenizerConfig = await readIfThere(join(folder, 'tokenizer_config.json'))
  const pooling = options.pooling ?? poolingOf(await readIfThere(join(folder, '1_Pooling/config.json')))
  return await openOnnxEncoder({
    ...options,
    model,
    tokenizer,
    ...(tokenizerConfig === undefined ? {} : { tokenizerConfig }),
    ...(pooling === undefined ? {} : { pooling }),
  })
}

/** @throws PithError `PITH_UNSUPPORTED` another kind of pooling · `PITH_CORRUPT` no JSON */
function poolingOf(bytes: Uint8Array | undefined): 'mean' | 'cls' | undefined {
  if (bytes === undefined) return undefined
  let config: Record<string, unknown>
  try {
    config = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>
  } catch (cause) {
    throw new PithError('PITH_CORRUPT', '1_Pooling/config.json is no JSON', { cause })
  }
  if (config?.['pooling_mode_mean_tokens'] === true) return 'mean'
  if (config?.['pooling_mode_cls_token'] === true) return 'cls'
  throw new PithError('PITH_UNSUPPORTED', 'vectors of this model are pooled in another way than mean or cls', {
    hint: 'Say which of the two comes nearest.',
  })
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    const { size } = await stat(path)
    if (path.endsWith('.json') && size > MAX_JSON) throw new PithError('PITH_LIMIT', `${path} has ${size} bytes`)
    return new Uint8Array(await readFile(path))
  } catch (cause) {
    if ((cause as { code?: string }).code === 'ENOENT') return undefined
    if (cause instanceof PithError) throw cause
    throw new PithError('PITH_IO', `${path} can not be read`, { cause })
  }
}
