/** Reading everything that a tier holds. */
import { isPithError, type PithCode, type Run, throwIfAborted } from '@pith/core'
import { type StoreTier, valueName } from './tier.ts'
import { readChunk } from './value.ts'

/** One value that is not as it should be. */
export interface BadValue {
  readonly name: string
  readonly code: PithCode
  readonly message: string
}

/** What a tier holds. */
export interface Verified {
  readonly values: number
  readonly bytes: number
  readonly bad: readonly BadValue[]
  /** Values whose prefix is gone: nothing leads to them. */
  readonly orphans: readonly string[]
  /** Values that were removed. */
  readonly removed: number
}

/**
 * Read all values of a tier and check each against its name: checksums, the key of its tokens, the coder.
 *
 * @param fix remove what is bad, and what nothing leads to. Default false.
 * @throws PithError `PITH_IO`, `PITH_NETWORK` the tier does not answer · the reason of the abort
 */
export async function verifyTier(
  tier: StoreTier,
  { fix = false, signal }: { fix?: boolean } & Pick<Run, 'signal'> = {},
): Promise<Verified> {
  const parents = new Map<string, string | undefined>()
  const bad: BadValue[] = []
  let [values, bytes] = [0, 0]
  const run = signal === undefined ? {} : { signal }
  for await (const { name } of tier.list(run)) {
    throwIfAborted(signal)
    const own = await tier.get(name, run)
    // Others throw away while we look.
    if (own === undefined) continue
    values++
    bytes += own.length
    try {
      const { key, parent, coder, frame } = await readChunk(own)
      if (valueName(key, coder) !== name) {
        bad.push({ name, code: 'PITH_CORRUPT', message: 'the value is another chunk than its name says' })
        continue
      }
      parents.set(name, frame.positions[0] === 0 ? undefined : valueName(parent, coder))
    } catch (error) {
      if (!isPithError(error)) throw error
      bad.push({ name, code: error.code, message: error.message })
    }
  }
  const orphans = orphansOf(parents)
  let removed = 0
  if (fix) for (const name of [...bad.map((own) => own.name), ...orphans]) if (await tier.remove(name)) removed++
  return { values, bytes, bad, orphans, removed }
}

function orphansOf(parents: ReadonlyMap<string, string | undefined>): string[] {
  const leads = new Map<string, boolean>()
  for (const start of parents.keys()) {
    const path: string[] = []
    let at: string | undefined = start
    while (at !== undefined && parents.has(at) && !leads.has(at)) {
      path.push(at)
      // A hostile chain cannot be a ring: each key is the hash of the one before it.
      at = parents.get(at)
    }
    const isLed = at === undefined || leads.get(at) === true
    for (const name of path) leads.set(name, isLed)
  }
  return [...parents.keys()].filter((name) => leads.get(name) !== true).sort()
}
