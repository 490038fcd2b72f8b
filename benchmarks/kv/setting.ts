/** The model and the texts that caches are measured on: learned from one file of stories, measured on another. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Lm } from '@pith/lm'
import { loadLm } from '@pith/lm/node'
import { dataFolder, NO_DATA } from '../measure/data.ts'
import { ROOT } from '../measure/machine.ts'

/** Windows of a text: half are compressed, half are foreseen. */
export interface Setting {
  readonly lm: Lm
  readonly model: string
  readonly window: number
  readonly fit: readonly Int32Array[]
  readonly score: readonly Int32Array[]
}

/** Windows that are learned from and measured. */
const WINDOWS = { fit: 24, score: 64 }

/** Less of both where a run must be short. */
const FEW_WINDOWS = { fit: 12, score: 24 }

/** The reference model where it is there, else its prototype. */
export function kvModel(): { name: string; path: string; tokenizer: string } {
  const data = dataFolder()
  if (data === undefined) throw new Error(NO_DATA)
  const tokenizer = join(data, 'kv/models/tok512.bin')
  const own = join(ROOT, 'models/pith-recall')
  if (existsSync(join(own, 'config.json'))) return { name: 'pith-recall', path: own, tokenizer }
  return { name: 'recall-mini', path: join(data, 'kv/models/recall-mini'), tokenizer }
}

/** Load the model, with room for more tokens than it was trained on where only time and bytes count. */
export async function loadKvModel(ctx?: number): Promise<{ lm: Lm; name: string }> {
  const { name, path, tokenizer } = kvModel()
  const options = { tokenizer, threads: 1, ...(ctx === undefined ? {} : { ctx }) }
  return { lm: await loadLm(path, options), name }
}

/** Ids of the start of a file of text. */
export function idsOfFile(lm: Lm, file: string, characters: number): Int32Array {
  const path = join(dataFolder() ?? '', 'kv/text', file)
  return lm.tokenizer.encode(readFileSync(path, 'utf8').slice(0, characters), { special: true })
}

/** Windows spread over ids. */
export function spreadWindows(ids: Int32Array, window: number, most: number): Int32Array[] {
  const all = Math.floor(ids.length / window)
  const count = Math.min(most, all)
  return Array.from({ length: count }, (_, i) => {
    const at = Math.floor((i * all) / count)
    return ids.subarray(at * window, (at + 1) * window)
  })
}

/** Learned from stories of the training part, measured on those held out; a scale below 1 takes fewer windows. */
export async function storySetting(scale: number): Promise<Setting> {
  const windows = scale < 1 ? FEW_WINDOWS : WINDOWS
  const { lm, name } = await loadKvModel()
  const window = Math.min(512, lm.config.ctx)
  return {
    lm,
    model: name,
    window,
    fit: spreadWindows(idsOfFile(lm, 'tinystories.lower.train.txt', 400_000), window, windows.fit),
    score: spreadWindows(idsOfFile(lm, 'tinystories.lower.valid.txt', 400_000), window, windows.score),
  }
}
