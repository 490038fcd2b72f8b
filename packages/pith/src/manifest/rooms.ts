import { type Manifest, PithError } from '@pith/core'

/** Which package brings the verbs that start with a word; none of them is needed for the rest. */
const ROOMS: Readonly<Record<string, string>> = {
  prompt: '@pith/context',
  index: '@pith/index',
  kv: '@pith/kv',
  lm: '@pith/lm',
  model: '@pith/weights',
  image: '@pith/signal',
  audio: '@pith/signal',
  field: '@pith/signal',
  mesh: '@pith/signal',
  scan: '@pith/signal',
  eval: '@pith/eval',
  serve: '@pith/studio',
  papers: '@pith/papers',
}

/** The manifests of other rooms that are installed, found without importing what is missing. */
export async function installedRooms(): Promise<Manifest[]> {
  const found: Manifest[] = []
  for (const room of new Set(Object.values(ROOMS))) {
    const manifest = isInstalled(room) ? await importManifest(room) : undefined
    if (manifest !== undefined) found.push(manifest)
  }
  return found
}

/**
 * The manifest of the room whose verbs start with `word`; undefined where no room has such verbs.
 *
 * @throws PithError `PITH_CAPABILITY` the room is not installed
 */
export async function roomOf(word: string): Promise<Manifest | undefined> {
  const room = Object.hasOwn(ROOMS, word) ? ROOMS[word] : undefined
  if (room === undefined) return undefined
  if (isInstalled(room)) return await importManifest(room)
  throw new PithError('PITH_CAPABILITY', `pith ${word} comes with ${room}, which is not installed`, {
    hint: `Run npm install ${room}.`,
  })
}

/** Words that verbs of other rooms start with. */
export function roomWords(): readonly string[] {
  return Object.keys(ROOMS)
}

function isInstalled(room: string): boolean {
  try {
    import.meta.resolve(`${room}/manifest`)
    return true
  } catch {
    return false
  }
}

async function importManifest(room: string): Promise<Manifest> {
  const module: { manifest: Manifest } = await import(`${room}/manifest`)
  return module.manifest
}

/** The packages that add verbs, and whether they are installed. */
export function roomPackages(): { name: string; installed: boolean }[] {
  return [...new Set(Object.values(ROOMS))].map((name) => ({ name, installed: isInstalled(name) }))
}
