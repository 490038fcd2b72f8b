/** Caches as .pith files, of which parts are read alone. Mirrors docs/format-kv.md section 1. */
import {
  ByteReader,
  ByteWriter,
  isPithError,
  MemorySink,
  meterProgress,
  PithError,
  type RandomAccess,
  type Run,
  Sha256,
  throwIfAborted,
  toHex,
} from '@pith/core'
import { type Container, type ContainerEntry, createContainer, openContainer } from '@pith/core/container'
import { checkSameModel, KvCache, type KvShape, type ModelFingerprint } from '@pith/lm'
import { checkKvShape } from '../shape.ts'
import { type FrameCodec, frameCodec } from './codec.ts'
import { gatherFrame, type Kind, takeLayer } from './frames.ts'
import { DEFAULT_LEVEL, type KvProfile, LEVELS } from './profile.ts'
import { readProfile, writeProfile } from './profile-format.ts'
import { decodeSinks, encodeSinks } from './sinks.ts'

/** The codec of entries that hold a cache. */
export const KV_CODEC = 'cachegen'

/** Longest description of an entry that is read. */
const MAX_META = 4096

/** How a cache is written. */
export interface EncodeOptions extends Pick<Run, 'signal' | 'onProgress'> {
  profile: KvProfile
  /** Qualities 1 (small) .. 4 (near to exact) that stand side by side. Default 3 alone. */
  levels?: readonly number[]
  /** Tokens of a chunk, which is what is read at least. Default 256. */
  chunk?: number
  /** Tokens at the start of the text that are kept at 8 bits. Default 4. */
  sinks?: number
  /** Whether the profile stands in the file; else it is named by its hash. Default true. */
  embed?: boolean
}

/** What a file says of its cache. */
export interface KvInfo extends KvShape {
  readonly fp: ModelFingerprint
  readonly ropeTheta: number
  readonly preset: KvProfile['preset']
  /** SHA-256 of the profile, in hex. */
  readonly profileId: string
  readonly tokens: number
  /** Tokens at the start that are kept at 8 bits. */
  readonly sinks: number
  readonly chunk: number
  readonly levels: readonly number[]
  /** Position of the first token; the others follow one by one. */
  readonly position: number
}

/** Bytes of the parts of a file; the rest is its index and checksums. */
export interface KvSizes {
  /** Of the whole file. */
  readonly bytes: number
  /** Of the profile in it, 0 where it stands elsewhere. */
  readonly profile: number
  readonly tokens: number
  readonly sinks: number
  /** Of the keys and values at each level. */
  readonly levels: Readonly<Record<number, number>>
}

/** Tokens, layers and kinds that are wanted. */
export interface KvRange extends Pick<Run, 'signal' | 'onProgress'> {
  from?: number
  to?: number
  layers?: readonly number[]
  kinds?: readonly Kind[]
  level?: number
  /** Whether ids of tokens are read too; without them `tokens` of the part is empty. Default true. */
  ids?: boolean
}

/** Part of a cache. */
export interface KvPart {
  /** Ids; empty where they were not wanted. */
  readonly tokens: Int32Array
  readonly positions: Int32Array
  /** f32[tokens, kvHeads * headDim] by layer. */
  readonly keys: ReadonlyMap<number, Float32Array>
  readonly values: ReadonlyMap<number, Float32Array>
}

const ids = /* @__PURE__ */ new WeakMap<KvProfile, string>()

/** The SHA-256 of a profile, in hex: what files name it by. A profile must not change once it was used. */
export function profileId(profile: KvProfile): string {
  const id = ids.get(profile) ?? idOf(writeProfile(profile))
  ids.set(profile, id)
  return id
}

function idOf(bytes: Uint8Array): string {
  return toHex(new Sha256().update(bytes).digest())
}

/**
 * Compress a cache.
 *
 * @throws PithError `PITH_MODEL` the profile is of another model · `PITH_ARG` options outside of their ranges, or positions that
 * do not follow one another
 */
export async function encodeKv(kv: KvCache, options: EncodeOptions): Promise<Uint8Array> {
  const { profile, levels = [DEFAULT_LEVEL], chunk = 256, sinks = 4, embed = true, signal } = options
  if (profile.arch !== kv.fp.arch || profile.weights !== kv.fp.weights) {
    throw new PithError('PITH_MODEL', 'the profile belongs to another model', {
      hint: 'Learn one from texts that this model reads: pith kv profile.',
    })
  }
  const wanted = [...new Set(levels)].sort((a, b) => a - b)
  if (
    wanted.length === 0 ||
    wanted.some((level) => !(Number.isInteger(level) && level >= 1 && level <= LEVELS.length))
  ) {
    throw new PithError('PITH_ARG', `levels must be of 1..${LEVELS.length}`)
  }
  if (!(Number.isInteger(chunk) && chunk >= 8 && chunk <= 65536))
    throw new PithError('PITH_ARG', 'chunk must be 8..65536')
  if (!(Number.isInteger(sinks) && sinks >= 0 && sinks <= chunk))
    throw new PithError('PITH_ARG', 'sinks must be 0..chunk')
  const position = kv.positions[0] ?? 0
  if (!kv.positions.every((own, i) => own === position + i)) {
    throw new PithError('PITH_ARG', 'the positions of the cache do not follow one another')
  }
  checkKvShape(kv, kv.length)
  // Only the start of a text is unlike the rest of it.
  const first = Math.max(0, Math.min(sinks - position, kv.length))
  const info: KvInfo = {
    fp: kv.fp,
    layers: kv.layers,
    kvHeads: kv.kvHeads,
    headDim: kv.headDim,
    ropeTheta: kv.ropeTheta,
    preset: profile.preset,
    profileId: profileId(profile),
    tokens: kv.length,
    sinks: first,
    chunk,
    levels: wanted,
    position,
  }
  const sink = new MemorySink()
  const writer = createContainer(sink, signal === undefined ? {} : { signal })
  const entry = await writer.entry({
    codec: KV_CODEC,
    meta: new TextEncoder().encode(JSON.stringify(info)),
    ...(embed ? {} : { externalProfile: info.profileId }),
  })
  const needs = embed ? await entry.profile(writeProfile(profile)) : 0
  const codec = frameCodec(profile)
  const chunks = Math.ceil(kv.length / chunk)
  const meter = meterProgress(options, { stage: 'encode', unit: 'tokens', total: kv.length })
  for (let c = 0; c < chunks; c++) {
    throwIfAborted(signal)
    const [from, to] = [c * chunk, Math.min(kv.length, (c + 1) * chunk)]
    const keys: [number, number] = [from, to]
    const tokens = new ByteWriter(2 * (to - from))
    for (const id of kv.tokens.subarray(from, to)) tokens.varint(id)
    await entry.block('tokens', tokens.finish(), { rawBytes: 4 * (to - from), keys })
    const start = Math.max(from, Math.min(first, to))
    if (start > from) {
      const own = kv.slice(from, start)
      await entry.block('sinks', encodeSinks(own), {
        rawBytes: 8 * own.length * kv.layers * kv.width,
        keys: [from, start],
      })
    }
    const rest = kv.slice(start, to)
    for (const [s, set] of profile.sets.entries()) {
      const frame = gatherFrame(rest, set)
      for (const level of wanted) {
        const bytes = await codec.encode(s, level, frame)
        await entry.block(sectionOf(s), bytes, { rawBytes: 4 * frame.length, keys, variant: level, profile: needs })
      }
    }
    meter.update(to)
  }
  await entry.finish(8 * kv.length * kv.layers * kv.width)
  await writer.finish()
  meter.finish()
  return sink.bytes()
}

/** An open file of a cache; parts are read when they are asked for. */
export class KvFile {
  readonly info: KvInfo
  readonly profile: KvProfile
  readonly #container: Container
  readonly #entry: ContainerEntry
  readonly #codec: FrameCodec

  private constructor(container: Container, entry: ContainerEntry, info: KvInfo, profile: KvProfile) {
    this.#container = container
    this.#entry = entry
    this.info = info
    this.profile = profile
    this.#codec = frameCodec(profile)
  }

  /**
   * Open a file; nothing but its index and its profile is read.
   *
   * @param profile where the file only names it
   * @throws PithError `PITH_CORRUPT`, `PITH_TRUNCATED`, `PITH_CHECKSUM`, `PITH_LIMIT` · `PITH_ARG` the file holds something else, or
   * its profile is missing or another one
   */
  static async open(source: RandomAccess | Uint8Array, { profile }: { profile?: KvProfile } = {}): Promise<KvFile> {
    const container = await openContainer(source)
    try {
      const entry = await container.entry(1)
      if (entry === undefined || entry.codec !== KV_CODEC) {
        throw new PithError('PITH_ARG', 'the file does not hold a cache of keys and values')
      }
      const info = readInfo(entry.meta)
      const embedded = await entry.profile()
      const own = embedded === undefined ? profile : readProfile(embedded)
      if (own === undefined) {
        throw new PithError('PITH_ARG', 'the profile of the cache stands elsewhere', {
          hint: `Give the profile with the id ${info.profileId.slice(0, 16)}.`,
        })
      }
      checkProfile(info, own, embedded === undefined ? profileId(own) : idOf(embedded))
      return new KvFile(container, entry, info, own)
    } catch (error) {
      await container.close()
      throw error
    }
  }

  /** Requests and bytes that were read so far. */
  get stats(): Container['stats'] {
    return this.#container.stats
  }

  /**
   * Read a part.
   *
   * @throws PithError `PITH_ARG` a range, layer or level that is not there · `PITH_CHECKSUM`, `PITH_CORRUPT`, `PITH_TRUNCATED` with
   * the chunk, layer and kind
   */
  async read(range: KvRange = {}): Promise<KvPart> {
    const { info } = this
    const { from = 0, to = info.tokens, kinds = ['k', 'v'], level = info.levels.at(-1) as number, signal } = range
    const layers = range.layers ?? Array.from({ length: info.layers }, (_, layer) => layer)
    if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to && to <= info.tokens)) {
      throw new PithError('PITH_ARG', `there are ${info.tokens} tokens, not ${from} to ${to}`)
    }
    const wild = layers.find((layer) => !(Number.isInteger(layer) && layer >= 0 && layer < info.layers))
    if (wild !== undefined) throw new PithError('PITH_ARG', `there is no layer ${wild}, only ${info.layers}`)
    if (!info.levels.includes(level)) {
      throw new PithError('PITH_ARG', `there is no level ${level}`, { hint: `The file has ${info.levels.join(', ')}.` })
    }
    const width = info.kvHeads * info.headDim
    const positions = Int32Array.from({ length: to - from }, (_, i) => info.position + from + i)
    const tokens = new Int32Array(range.ids === false ? 0 : to - from)
    const out = { k: new Map<number, Float32Array>(), v: new Map<number, Float32Array>() }
    for (const kind of kinds) for (const layer of layers) out[kind].set(layer, new Float32Array((to - from) * width))
    const meter = meterProgress(range, { stage: 'decode', unit: 'tokens', total: to - from })
    const place = (kind: Kind, layer: number, at: number, rows: Float32Array): void => {
      // Whole chunks are decoded; what lies outside of the range is cut off.
      const [start, end] = [Math.max(at, from), Math.min(at + rows.length / width, to)]
      if (end > start)
        out[kind].get(layer)?.set(rows.subarray((start - at) * width, (end - at) * width), (start - from) * width)
    }
    for (let c = Math.floor(from / info.chunk); c * info.chunk < to; c++) {
      throwIfAborted(signal)
      const [first, last] = [c * info.chunk, Math.min(info.tokens, (c + 1) * info.chunk)]
      if (tokens.length > 0) {
        const ids = await this.#tokens(c, last - first)
        tokens.set(ids.subarray(Math.max(first, from) - first, to - first), Math.max(first, from) - from)
      }
      const start = Math.max(first, Math.min(info.sinks, last))
      if (start > first && from < start) {
        const bytes = await this.#block('sinks', c, 0)
        for (const kind of kinds) {
          for (const layer of layers) place(kind, layer, first, decodeSinks(bytes, info, start - first, layer, kind))
        }
      }
      const own = Int32Array.from({ length: last - start }, (_, i) => info.position + start + i)
      for (const [s, set] of this.profile.sets.entries()) {
        const inside = layers.filter((layer) => layer >= set.layers.from && layer < set.layers.to)
        if (inside.length === 0 || !kinds.includes(set.kind) || own.length === 0) continue
        const frame = await this.#frame(s, c, level, own.length)
        for (const layer of inside) {
          place(set.kind, layer, start, takeLayer(frame, set, layer, own, info))
        }
      }
      meter.update(Math.min(last, to) - from)
    }
    meter.finish()
    return { tokens, positions, keys: out.k, values: out.v }
  }

  /**
   * The cache of tokens, to go on from.
   *
   * @param fp of the model that will read it
   * @throws PithError `PITH_MODEL` it belongs to another model
   */
  async cache(
    fp: ModelFingerprint,
    range: Omit<KvRange, 'layers' | 'kinds' | 'ids'> & { allowNumerics?: boolean } = {},
  ): Promise<KvCache> {
    const { info } = this
    checkSameModel(fp, info.fp, range)
    const { tokens, positions, keys, values } = await this.read(range)
    const each = Array.from({ length: info.layers }, (_, layer) => layer)
    return new KvCache({
      ...{ fp: info.fp, layers: info.layers, kvHeads: info.kvHeads, headDim: info.headDim, ropeTheta: info.ropeTheta },
      tokens,
      positions,
      keys: each.map((layer) => keys.get(layer) as Float32Array),
      values: each.map((layer) => values.get(layer) as Float32Array),
    })
  }

  /** Bytes of the keys and values in the file that a part is decoded from. */
  async storedBytes(range: Pick<KvRange, 'from' | 'to' | 'layers' | 'kinds' | 'level'> = {}): Promise<number> {
    const { from = 0, to = this.info.tokens, layers, kinds = ['k', 'v'], level = this.info.levels.at(-1) } = range
    const [first, last] = [Math.floor(from / this.info.chunk), Math.ceil(to / this.info.chunk)]
    let bytes = 0
    for (const [s, set] of this.profile.sets.entries()) {
      const isWanted = layers?.some((layer) => layer >= set.layers.from && layer < set.layers.to) ?? true
      if (!isWanted || !kinds.includes(set.kind)) continue
      for (const { block, variant, storedBytes } of await this.#entry.blocks(sectionOf(s))) {
        if (block >= first && block < last && variant === level) bytes += storedBytes
      }
    }
    return bytes
  }

  /** Bytes of the parts of the file. */
  async sizes(): Promise<KvSizes> {
    const bytesOf = async (section: string): Promise<number> =>
      (await this.#entry.blocks(section)).reduce((sum, row) => sum + row.storedBytes, 0)
    const levels = Object.fromEntries(this.info.levels.map((level) => [level, 0]))
    for (let s = 0; s < this.profile.sets.length; s++) {
      for (const { variant, storedBytes } of await this.#entry.blocks(sectionOf(s))) {
        levels[variant] = (levels[variant] ?? 0) + storedBytes
      }
    }
    const profile = (await this.#entry.profile())?.length ?? 0
    const { bytes } = this.#container.totals
    return { bytes, profile, tokens: await bytesOf('tokens'), sinks: await bytesOf('sinks'), levels }
  }

  async close(): Promise<void> {
    await this.#container.close()
  }

  async #tokens(chunk: number, count: number): Promise<Int32Array> {
    const reader = new ByteReader(await this.#block('tokens', chunk, 0))
    const ids = Int32Array.from({ length: count }, () => {
      const id = reader.varint()
      if (id > 0x7fffffff) throw new PithError('PITH_CORRUPT', `there is no token ${id}`)
      return id
    })
    reader.finish()
    return ids
  }

  async #frame(set: number, chunk: number, level: number, tokens: number): Promise<Float32Array> {
    const bytes = await this.#block(sectionOf(set), chunk, level)
    try {
      return await this.#codec.decode(set, level, bytes, tokens)
    } catch (error) {
      if (!isPithError(error)) throw error
      const { kind, layers } = this.profile.sets[set] as KvProfile['sets'][number]
      const what = `${kind === 'k' ? 'keys' : 'values'} of layers ${layers.from} to ${layers.to - 1}`
      throw new PithError(error.code, `chunk ${chunk}, ${what}: ${error.message}`, {
        at: { section: sectionOf(set) },
        cause: error,
      })
    }
  }

  async #block(section: string, block: number, variant: number): Promise<Uint8Array> {
    const rows = await this.#entry.blocks(section)
    const row = rows.find((own) => own.block === block && own.variant === variant)
    if (row === undefined) {
      throw new PithError('PITH_CORRUPT', `chunk ${block} has no part ${section} of level ${variant}`, {
        at: { section },
      })
    }
    return await this.#entry.read(row)
  }
}

function sectionOf(set: number): string {
  return `kv.${set}`
}

function checkProfile(info: KvInfo, profile: KvProfile, id: string): void {
  const isSame =
    profile.layers === info.layers &&
    profile.kvHeads === info.kvHeads &&
    profile.headDim === info.headDim &&
    profile.arch === info.fp.arch &&
    profile.weights === info.fp.weights
  if (!isSame || id !== info.profileId) {
    throw new PithError('PITH_ARG', 'the profile is not the one that the cache was coded with')
  }
}

/** @throws PithError `PITH_CORRUPT` what is no description of a cache */
function readInfo(meta: Uint8Array | undefined): KvInfo {
  let info: Partial<KvInfo> | undefined
  try {
    if (meta !== undefined && meta.length <= MAX_META)
      info = JSON.parse(new TextDecoder().decode(meta)) as Partial<KvInfo>
  } catch {
    info = undefined
  }
  const isCount = (x: unknown, least: number, most: number): boolean =>
    Number.isInteger(x) && (x as number) >= least && (x as number) <= most
  const isHash = (x: unknown): boolean => typeof x === 'string' && /^[0-9a-f]{64}$/.test(x)
  if (
    typeof info !== 'object' ||
    info === null ||
    !isHash(info.fp?.arch) ||
    !isHash(info.fp?.weights) ||
    typeof info.fp?.numerics !== 'string' ||
    !isHash(info.profileId) ||
    !isCount(info.tokens, 0, 2 ** 24) ||
    !isCount(info.chunk, 8, 65536) ||
    !isCount(info.sinks, 0, Math.min(info.chunk as number, info.tokens as number)) ||
    !isCount(info.position, 0, 2 ** 30) ||
    !(typeof info.ropeTheta === 'number' && Number.isFinite(info.ropeTheta) && info.ropeTheta > 0) ||
    !(
      Array.isArray(info.levels) &&
      info.levels.length > 0 &&
      info.levels.every((level) => isCount(level, 1, LEVELS.length))
    )
  ) {
    throw new PithError('PITH_CORRUPT', 'the description of the cache is damaged')
  }
  checkKvShape(info as KvInfo, info.tokens)
  return info as KvInfo
}
