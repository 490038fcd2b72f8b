/** A session of a model from a server of caches. */
import { ByteReader, PithError, type Run, Sha256, throwIfAborted, toHex } from '@pith/core'
import { checkSameModel, type Lm, type LmSession } from '@pith/lm'
import { encodeKv, KvFile, type KvProfile, readProfile } from '../cachegen/index.ts'
import { planController } from './controllers.ts'
import { httpLink } from './link.ts'
import { planOfOffer, readOffer } from './offer.ts'
import type { StreamCosts } from './plan.ts'
import { bytesOf } from './simulate.ts'
import { runStream, type StreamOptions, type StreamReport } from './stream.ts'

/** How a cache is loaded. */
export interface LoadStreamOptions extends Partial<StreamOptions>, Pick<Run, 'signal'> {
  /** What work takes here. Default as measured. */
  readonly costs?: StreamCosts
  /** Default the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch
}

/** Seconds in which a text should be ready. */
const SLO = 1

/** Longest answers that are read whole. */
const MOST_JSON = 2 ** 24
const MOST_PROFILE = 2 ** 28

/**
 * Let a server read tokens, and go on behind them here: chunks come at levels that keep the time, or are computed here.
 *
 * @param address of the server
 * @throws PithError `PITH_MODEL` the server has another model · `PITH_NETWORK` it cannot be reached, or refuses · `PITH_CORRUPT`,
 * `PITH_CHECKSUM` what it sends is damaged, or of other tokens
 */
export async function loadStream(
  address: string,
  lm: Lm,
  ids: Int32Array,
  options: LoadStreamOptions = {},
): Promise<{ session: LmSession; report: StreamReport }> {
  const { signal, fetch = globalThis.fetch } = options
  const base = address.replace(/\/+$/, '')
  const ask = (path: string, most: number, init?: RequestInit): Promise<Uint8Array> =>
    readWhole(() => fetch(`${base}${path}`, { ...init, ...(signal === undefined ? {} : { signal }) }), most, signal)
  const text = new TextDecoder().decode(
    await ask('/v1/kv', MOST_JSON, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ tokens: [...ids] }),
    }),
  )
  const offer = readOffer(parseJson(text))
  checkSameModel(lm.fingerprint, offer.fp)
  if (offer.tokens !== ids.length) throw new PithError('PITH_CORRUPT', 'the server offers other tokens')
  const written = await ask(`/v1/profile/${offer.profileId}`, MOST_PROFILE)
  if (toHex(new Sha256().update(written).digest()) !== offer.profileId) {
    throw new PithError('PITH_CHECKSUM', 'the profile of the server is another one than it names')
  }
  const profile = readProfile(written)
  const costs = options.costs ?? (await measureCosts(lm, profile, ids))
  const plan = planOfOffer(offer)
  const session = lm.session({ capacity: ids.length })
  const link = httpLink(
    `${base}/v1/kv/${offer.id}`,
    offer.levels.map(({ level }) => level),
    (index, choice) => bytesOf(plan, index, choice),
    async (index, choice, bytes) => {
      const own = ids.subarray(session.length, session.length + (plan.chunks[index] as { tokens: number }).tokens)
      if (choice === 'text') {
        checkIds(readIds(bytes, own.length), own)
        await session.prefill(own, { logits: 'none', ...(signal === undefined ? {} : { signal }) })
        return
      }
      const file = await KvFile.open(bytes, { profile })
      const kv = await file.cache(lm.fingerprint, signal === undefined ? {} : { signal })
      checkIds(kv.tokens, own)
      session.attachKv(kv)
    },
    { fetch, ...(signal === undefined ? {} : { signal }) },
  )
  const { controller = planController, slo = SLO, hint, refetch } = options
  const report = await runStream(link, plan, costs, {
    controller,
    slo,
    ...(hint === undefined ? {} : { hint }),
    ...(refetch === undefined ? {} : { refetch }),
  })
  return { session, report }
}

function checkIds(own: Int32Array, wanted: Int32Array): void {
  if (own.length !== wanted.length || own.some((id, i) => id !== wanted[i])) {
    throw new PithError('PITH_CORRUPT', 'the server sent the cache of other tokens')
  }
}

function readIds(bytes: Uint8Array, count: number): Int32Array {
  const reader = new ByteReader(bytes)
  const ids = Int32Array.from({ length: count }, () => reader.varint())
  reader.finish()
  return ids
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new PithError('PITH_CORRUPT', 'the server sent no JSON', { cause })
  }
}

async function readWhole(
  send: () => Promise<Response>,
  most: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  let response: Response
  const parts: Uint8Array[] = []
  let size = 0
  try {
    response = await send()
    for await (const part of response.body ?? []) {
      size += part.length
      if (size > most) throw new PithError('PITH_LIMIT', `the server sent more than ${most} bytes`)
      parts.push(part)
    }
  } catch (cause) {
    throwIfAborted(signal)
    if (cause instanceof PithError) throw cause
    throw new PithError('PITH_NETWORK', 'the server of caches cannot be reached', { cause, hint: 'Check its address.' })
  }
  const bytes = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  if (response.ok) return bytes
  const says = errorOf(bytes)
  throw new PithError(
    'PITH_NETWORK',
    `the server of caches answered ${response.status}${says === '' ? '' : `: ${says}`}`,
  )
}

/** What an answer says of its error, cut short. */
function errorOf(bytes: Uint8Array): string {
  try {
    const { error } = JSON.parse(new TextDecoder().decode(bytes)) as { error?: { message?: unknown } }
    return typeof error?.message === 'string' ? error.message.slice(0, 200) : ''
  } catch {
    return ''
  }
}

/** Tokens of the prefills that costs are measured by. */
const [SHORT, LONG] = [32, 256]

/**
 * What work takes on this machine: prefills of two lengths, which give a n + b n (past + n / 2), and one decoding.
 *
 * @param ids of any text; fewer than 8 are taken as they are
 */
export async function measureCosts(lm: Lm, profile: KvProfile, ids: Int32Array): Promise<StreamCosts> {
  if (ids.length < 8) return { decode: (tokens) => tokens * 1e-5, recompute: (tokens) => tokens * 1e-3 }
  const short = Math.min(SHORT, Math.floor(ids.length / 2))
  const long = Math.min(LONG, ids.length, lm.config.ctx)
  const timed = async (task: () => Promise<unknown>): Promise<number> => {
    const start = performance.now()
    await task()
    return (performance.now() - start) / 1000
  }
  const session = lm.session({ capacity: long })
  const prefill = (n: number): Promise<number> =>
    timed(() => lm.session({ capacity: n }).prefill(ids.subarray(0, n), { logits: 'none' }))
  // The first run of a length compiles and allocates.
  await session.prefill(ids.subarray(0, long), { logits: 'none' })
  const [a, b] = [await prefill(short), await prefill(long)]
  const perPair = Math.max(0, (b / long - a / short) / ((long - short) / 2))
  const perToken = Math.max(0, b / long - (perPair * long) / 2)
  const bytes = await encodeKv(session.kv(), { profile, embed: false })
  const decode = await timed(async () => (await KvFile.open(bytes, { profile })).cache(lm.fingerprint))
  return {
    decode: (tokens) => (decode * tokens) / long,
    recompute: (tokens, past) => perToken * tokens + perPair * tokens * (past + tokens / 2),
  }
}
