/** How fast caches become files and come back. */
import type { KvCache, Lm } from '@pith/lm'
import { countNumbers, type Scheme } from './scheme.ts'

/** Turns of each way; the quickest counts. */
const TURNS = 3

/** Megabytes (10^6) of f32 in a second of the clock. */
export interface Speeds {
  readonly encodeMBps?: number
  readonly decodeMBps?: number
}

/** Time schemes that make files, on the cache of a text; others have no figures. */
export async function measureSpeeds(lm: Lm, ids: Int32Array, schemes: readonly Scheme[]): Promise<Speeds[]> {
  if (schemes.every(({ file }) => file === undefined)) return schemes.map(() => ({}))
  const session = lm.session({ capacity: ids.length })
  await session.prefill(ids, { logits: 'none' })
  const kv = session.kv()
  const speeds: Speeds[] = []
  for (const { file } of schemes) speeds.push(file === undefined ? {} : await speedOf(file, kv))
  return speeds
}

async function speedOf(file: NonNullable<Scheme['file']>, kv: KvCache): Promise<Speeds> {
  const megabytes = (4 * countNumbers(kv)) / 1e6
  const bytes = await file.encode(kv)
  const quickest = async (work: () => Promise<unknown>): Promise<number> => {
    let least = Number.POSITIVE_INFINITY
    for (let turn = 0; turn < TURNS; turn++) {
      const start = performance.now()
      await work()
      least = Math.min(least, performance.now() - start)
    }
    return megabytes / Math.max(1e-6, least / 1000)
  }
  return {
    encodeMBps: await quickest(() => file.encode(kv)),
    decodeMBps: await quickest(() => file.decode(bytes, kv)),
  }
}
