import { type Manifest, PithError } from '@pith/core'

/** Which packages bring the verbs that start with a word; none of them is needed for the rest. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  prompt: ['@pith/context'],
  index: ['@pith/index'],
  kv: ['@pith/kv'],
  lm: ['@pith/lm'],
  model: ['@pith/engine', '@pith/weights'],
  image: ['@pith/signal'],
  audio: ['@pith/signal'],
  field: ['@pith/signal'],
  mesh: ['@pith/signal'],
  scan: ['@pith/signal'],
  eval: ['@pith/eval'],
  serve: ['@pith/studio'],
  papers: ['@pith/papers'],
}

/** The manifests of other rooms that are installed, found without importing what is missing. */
export async function installedRooms(): Promise<Manifest[]> {
  const found: Manifest[] = []
  for (const room of new Set(Object.values(ROOMS).flat())) {
    const manifest = isInstalled(room) ? await importManifest(room) : undefined
    if (manifest !== undefined) found.push(manifest)
  }
  return found
}

/** The rooms whose verbs start with a word. */
export interface RoomsOf {
  readonly manifests: readonly Manifest[]
  /** Packages that have more verbs of this word and are not installed. */
  readonly missing: readonly string[]
}

/**
 * The rooms whose verbs start with `word`; undefined where no room has such verbs.
 *
 * @throws PithError `PITH_CAPABILITY` none of them is installed
 */
export async function roomsOf(word: string): Promise<RoomsOf | undefined> {
  const rooms = Object.hasOwn(ROOMS, word) ? ROOMS[word] : undefined
  if (rooms === undefined) return undefined
  const missing = rooms.filter((room) => !isInstalled(room))
  if (missing.length < rooms.length) {
    const installed = rooms.filter((room) => !missing.includes(room))
    return { manifests: await Promise.all(installed.map(importManifest)), missing }
  }
  const names = rooms.join(' or ')
  throw new PithError('PITH_CAPABILITY', `pith ${word} comes with ${names}, which is not installed`, {
    hint: `Run npm install ${rooms[0]}.`,
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
  return [...new Set(Object.values(ROOMS).flat())].map((name) => ({ name, installed: isInstalled(name) }))
}
