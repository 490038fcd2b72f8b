/** The model of a server of caches, within its thread. */
import type { MessagePort } from 'node:worker_threads'
import { PithError } from '@pith/core'
import { fileSource } from '@pith/core/node'
import { countParameters, type Lm } from '@pith/lm'
import { loadLm } from '@pith/lm/node'
import { type KvProfile, profileId, readProfileFile, writeProfile } from '../../cachegen/index.ts'
import type { PrefixStore } from '../../store/index.ts'
import { openPrefixStore } from '../../store/node/index.ts'
import { type KvEncoder, kvEncoder } from '../encoder.ts'
import type { EncoderFacts, EncoderSource, MadeCache } from './messages.ts'

interface Loaded {
  readonly lm: Lm
  readonly profile: KvProfile
  readonly encoder: KvEncoder
  readonly store?: PrefixStore
}

/** Models of this thread; one that took the place of a lost thread loads anew. */
const MODELS: Map<string, Promise<Loaded>> = new Map()

function loadedOf(source: EncoderSource): Promise<Loaded> {
  const key = JSON.stringify(source)
  let loaded = MODELS.get(key)
  if (loaded === undefined) {
    loaded = load(source)
    MODELS.set(key, loaded)
    loaded.catch(() => MODELS.delete(key))
  }
  return loaded
}

async function load({
  path,
  profile: profilePath,
  store: places,
  salt,
  chunk,
  ...rest
}: EncoderSource): Promise<Loaded> {
  const { maxTokens, ...options } = rest
  const file = await fileSource(profilePath)
  const profile = await readProfileFile(file).finally(() => file.close())
  const lm = await loadLm(path, options)
  if (profile.arch !== lm.fingerprint.arch || profile.weights !== lm.fingerprint.weights) {
    await lm.close()
    throw new PithError('PITH_MODEL', 'the profile belongs to another model', { hint: 'Learn one: pith kv profile.' })
  }
  const own = chunk === undefined ? {} : { chunk }
  const secret = salt === undefined ? {} : { salt }
  const store = places === undefined ? undefined : await openPrefixStore(places, { ...own, ...secret })
  const encoder = kvEncoder(lm, profile, {
    ...own,
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(store === undefined ? {} : { cache: store }),
  })
  return { lm, profile, encoder, ...(store === undefined ? {} : { store }) }
}

async function describe(source: EncoderSource): Promise<EncoderFacts> {
  const { lm, profile } = await loadedOf(source)
  const parameters = countParameters(lm.config)
  const { ctx } = lm.config
  return { preset: profile.preset, profileId: profileId(profile), profile: writeProfile(profile), parameters, ctx }
}

/** Makes a cache; a message to the port gives it up. */
async function make({
  source,
  given,
  port,
}: {
  source: EncoderSource
  given: Int32Array | string
  port: MessagePort
}): Promise<MadeCache> {
  const controller = new AbortController()
  port.on('message', () => controller.abort(new PithError('PITH_ARG', 'nobody waits for the cache any longer')))
  try {
    const { encoder } = await loadedOf(source)
    const offer = await encoder.add(given, controller.signal)
    return { offer, parts: encoder.parts(offer.id) ?? [] }
  } finally {
    port.close()
  }
}

/** Close the models, and stores that have something to write yet. */
async function close(): Promise<void> {
  const loaded = await Promise.allSettled(MODELS.values())
  MODELS.clear()
  for (const result of loaded) {
    if (result.status === 'rejected') continue
    await result.value.store?.close()
    await result.value.lm.close()
  }
}

/** What the thread is asked for. */
export const encoderTasks: {
  readonly describe: typeof describe
  readonly make: typeof make
  readonly close: typeof close
} = { describe, make, close }
