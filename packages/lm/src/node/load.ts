/** Models from paths, ready to run. */
import type { Run } from '@pith/core'
import { readWeights } from '../checkpoint/checkpoint.ts'
import { Lm } from '../lm.ts'
import type { Quant } from '../runtime/quantise.ts'
import { openModel } from './open-model.ts'

/** How a model is loaded. */
export interface LoadLmOptions extends Pick<Run, 'signal' | 'threads'> {
  /** Path of the tokenizer. Default: the one beside the model. */
  tokenizer?: string
  /** Default `f32`. */
  quant?: Quant
  /** Positions that are made room for, where they are not those of the model. */
  ctx?: number
}

/**
 * Load a model from a folder or a file of any known kind; close it when it is no longer needed.
 *
 * @throws PithError as `openModel`, and `PITH_MODEL`
 */
export async function loadLm(path: string, options: LoadLmOptions = {}): Promise<Lm> {
  const { signal, threads, tokenizer, quant, ctx } = options
  const own = signal === undefined ? {} : { signal }
  const opened = await openModel(path, { ...own, ...(tokenizer === undefined ? {} : { tokenizer }) })
  try {
    const params = await readWeights(opened.checkpoint, own)
    const config = ctx === undefined ? opened.checkpoint.config : { ...opened.checkpoint.config, ctx }
    return new Lm(
      { config, params, ...(opened.tokenizer === undefined ? {} : { tokenizer: opened.tokenizer }) },
      { ...(quant === undefined ? {} : { quant }), ...(threads === undefined ? {} : { threads }) },
    )
  } finally {
    await opened.checkpoint.close()
  }
}
