/** The state of the training on disk: whole, or as it was before. */
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type ParamStore, type Params, Tensor } from '@pith/engine'
import { openSafetensors, readParams, writeSafetensors } from '@pith/engine/io'
import type { MatrixOptimizer } from './optimizer.ts'

/** Where the training stands. */
export interface Progress {
  /** Updates done. */
  updates: number
  /** Tokens seen. */
  tokens: number
  /** Number of the stage. */
  stage: number
  /** Tokens seen in it. */
  stageTokens: number
  /** Settings that the training was begun with. */
  settings: string
}

/** Write weights, moments and progress as one safetensors file. */
export async function saveTraining(
  path: string,
  store: ParamStore,
  optimizer: MatrixOptimizer,
  progress: Progress,
): Promise<void> {
  const tensors: Params = { ...store.params }
  for (const [kind, flat] of Object.entries(optimizer.moments))
    tensors[`moment/${kind}`] = new Tensor(flat, [flat.length])
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}.tmp`, writeSafetensors(tensors, { metadata: { progress: JSON.stringify(progress) } }))
  await rename(`${path}.tmp`, path)
}

/** What was saved; undefined where nothing was. */
export async function loadTraining(
  path: string,
): Promise<{ params: Params; moments: Record<string, Float32Array>; progress: Progress } | undefined> {
  if (!existsSync(path)) return undefined
  const file = await openSafetensors(new Uint8Array(await readFile(path)))
  const all = await readParams(file)
  const params: Params = {}
  const moments: Record<string, Float32Array> = {}
  for (const [name, tensor] of Object.entries(all)) {
    if (name.startsWith('moment/')) moments[name.slice('moment/'.length)] = tensor.data as Float32Array
    else params[name] = tensor
  }
  return { params, moments, progress: JSON.parse(file.metadata.get('progress') ?? '{}') as Progress }
}
