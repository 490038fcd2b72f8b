import type { Codec } from './codec.ts'
import { PithError } from './errors.ts'
import type { SystemCard } from './system.ts'

/** What each kind of entry in a registry loads to. Rooms that own a kind narrow it by declaration merging. */
export interface RegistryKinds {
  codec: Codec
  profile: unknown
  index: unknown
  stack: unknown
  kv: unknown
  tensors: unknown
  system: SystemCard
}

/** Name of a kind of entry. */
export type RegistryKind = keyof RegistryKinds

/** A cheap guess from the head of an input, made before any codec is loaded. */
export interface HeadMatcher {
  /** Bytes that stand at `offset` (default 0). */
  readonly magic?: readonly { readonly bytes: readonly number[]; readonly offset?: number }[]
  /** Endings of names, in lower case with the dot: `.log`. */
  readonly endings?: readonly string[]
  /** Whether the head looks like text: no NUL and hardly any other control byte. */
  readonly text?: boolean
}

/** One thing that can be loaded by name. */
export interface Registration<K extends RegistryKind = RegistryKind> {
  readonly kind: K
  readonly id: string
  /** Loads the module that holds it. Called once. */
  readonly load: () => Promise<RegistryKinds[K]>
  /** For codecs: inputs for which it is worth to load the codec and ask its `probe`. Without one it is always asked. */
  readonly match?: HeadMatcher
}

/** A codec that accepts an input. */
export interface Match {
  readonly codec: Codec
  readonly confidence: number
}

/** Things by kind and name, loaded when first asked for. */
export interface Registry {
  /** @throws PithError `PITH_ARG` the name is taken */
  register<K extends RegistryKind>(registration: Registration<K>): void
  has(kind: RegistryKind, id: string): boolean
  /** Names of one kind, sorted. */
  ids(kind: RegistryKind): string[]
  /** @throws PithError `PITH_UNKNOWN_CODEC` nothing of that name; the hint names the package to install */
  load<K extends RegistryKind>(kind: K, id: string): Promise<RegistryKinds[K]>
  /** Codecs that accept an input which starts with `head`, the most confident first, then by name. */
  probe(head: Uint8Array, name?: string): Promise<Match[]>
}

/** Packages that hold what a name stands for, so that an error can say what to install. */
const PACKAGES: readonly (readonly [pack: string, ids: string])[] = [
  ['@pith/text', 'logzip general text equal-info-windows zip-fit'],
  ['@pith/index', 'seismic pq jpq bpr hybrid flat domain-adaptation'],
  ['@pith/kv', 'cachegen gear uncomp prefix-store'],
  ['@pith/context', 'llmlingua2 longcodezip color xrag idp'],
  [
    '@pith/weights',
    'bitstack cospadi pv-tuning edkm evopress gptq awq rtn tensors d-pruner gaprune ziplm compresso compressor wara lora a-priori-conv',
  ],
  ['@pith/signal', 'walloc identity-loss demucs conv-tasnet ld-znet rising zipgan squeeze3d rdledm'],
]

/** Make an empty registry; the command and the apps fill one from the rooms that are installed. */
export function createRegistry(registrations: readonly Registration[] = []): Registry {
  const entries = new Map<string, Registration>()
  const loaded = new Map<string, Promise<unknown>>()
  const keyOf = (kind: RegistryKind, id: string): string => `${kind}/${id}`

  const load = <K extends RegistryKind>(kind: K, id: string): Promise<RegistryKinds[K]> => {
    const key = keyOf(kind, id)
    const entry = entries.get(key)
    if (entry === undefined) return Promise.reject(unknownName(kind, id, ids(kind)))
    let value = loaded.get(key)
    if (value === undefined) {
      value = entry.load()
      loaded.set(key, value)
      // A load that failed (a package that is being installed) may be tried again.
      value.catch(() => loaded.delete(key))
    }
    return value as Promise<RegistryKinds[K]>
  }
  const ids = (kind: RegistryKind): string[] =>
    [...entries.values()]
      .filter((entry) => entry.kind === kind)
      .map((entry) => entry.id)
      .sort()

  const registry: Registry = {
    register(registration) {
      const key = keyOf(registration.kind, registration.id)
      if (entries.has(key)) {
        throw new PithError('PITH_ARG', `the ${registration.kind} ${registration.id} is registered already`)
      }
      entries.set(key, registration)
    },
    has: (kind, id) => entries.has(keyOf(kind, id)),
    ids,
    load,
    async probe(head, name) {
      const matches: Match[] = []
      for (const id of ids('codec')) {
        if (!matchesHead(entries.get(keyOf('codec', id))?.match, head, name)) continue
        const codec = await load('codec', id)
        const confidence = codec.probe(head, name)
        if (confidence > 0) matches.push({ codec, confidence })
      }
      // Sorting is stable, so codecs of equal confidence stay in the order of their names.
      return matches.sort((a, b) => b.confidence - a.confidence)
    },
  }
  for (const registration of registrations) registry.register(registration)
  return registry
}

/** Whether a static matcher lets an input through; any of its conditions suffices. */
export function matchesHead(match: HeadMatcher | undefined, head: Uint8Array, name?: string): boolean {
  if (match === undefined) return true
  for (const { bytes, offset = 0 } of match.magic ?? []) {
    if (offset + bytes.length <= head.length && bytes.every((byte, i) => head[offset + i] === byte)) return true
  }
  const lower = name?.toLowerCase()
  if (lower !== undefined && match.endings?.some((ending) => lower.endsWith(ending))) return true
  return match.text === true && looksLikeText(head)
}

/** Whether bytes look like text in an encoding that extends ASCII: no NUL, at most 1 % other control bytes. */
export function looksLikeText(head: Uint8Array): boolean {
  let odd = 0
  for (let i = 0; i < head.length; i++) {
    const byte = head[i]
    if (byte === 0) return false
    // Tab, line feed, form feed, carriage return and escape (colours) are at home in text.
    if (byte < 32 && byte !== 9 && byte !== 10 && byte !== 12 && byte !== 13 && byte !== 27) odd++
  }
  return odd * 100 <= head.length
}

function unknownName(kind: RegistryKind, id: string, known: readonly string[]): PithError {
  const shown = JSON.stringify(id.slice(0, 80))
  const home = PACKAGES.find(([, names]) => names.split(' ').includes(id))
  if (home !== undefined) {
    return new PithError('PITH_UNKNOWN_CODEC', `the ${kind} ${shown} is not installed`, {
      hint: `Install it with \`npm install ${home[0]}\`.`,
    })
  }
  return new PithError('PITH_UNKNOWN_CODEC', `no ${kind} is called ${shown}`, {
    hint:
      known.length > 0
        ? `Choose one of ${known.slice(0, 20).join(', ')}, or install the package that holds it.`
        : 'Install the package that holds it.',
  })
}
