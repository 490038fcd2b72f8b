/** The state of the training on disk: whole, or as it was before. */
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { ParamStore, Params } from '@pith/engine'
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
  for (const [kind, flat] of Object.entries(optimizer.moments)) {
    for (const [name, tensor] of Object.entries(store.views(flat))) tensors[`${kind}/${name}`] = tensor
  }
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}.tmp`, writeSafetensors(tensors, { metadata: { progress: JSON.stringify(progress) } }))
  await rename(`${path}.tmp`, path)
}

/** Parameters by name for each kind of moments. */
export type Moments = Readonly<Record<string, Params>>

/** What was saved; undefined where nothing was. */
export async function loadTraining(
  path: string,
): Promise<{ params: Params; moments: Moments; progress: Progress } | undefined> {
  if (!existsSync(path)) return undefined
  const file = await openSafetensors(new Uint8Array(await readFile(path)))
  const all = await readParams(file)
  const params: Params = {}
  const moments: Record<string, Params> = {}
  for (const [whole, tensor] of Object.entries(all)) {
    const [kind, name] = whole.includes('/') ? (whole.split('/') as [string, string]) : ['', whole]
    if (kind === '') params[name] = tensor
    else (moments[kind] ??= {})[name] = tensor
  }
  return { params, moments, progress: JSON.parse(file.metadata.get('progress') ?? '{}') as Progress }
}
