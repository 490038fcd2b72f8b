/** One chunk as it lies in a store: a .pith file that says what it is of. Mirrors docs/format-kv.md section 3. */
import { ByteReader, ByteWriter, concatBytes, equalBytes, fromHex, MemorySink, PithError, toHex } from '@pith/core'
import { createContainer, openContainer } from '@pith/core/container'
import { checkSameModel, type KvCache, type ModelFingerprint } from '@pith/lm'
import { checkKvShape } from '../shape.ts'
import { nextKey } from './chain.ts'
import type { ChunkCoder, ChunkFrame } from './coder.ts'

/** The codec of entries that hold a chunk. */
export const CHUNK_CODEC = 'kv-chunk'

/** Longest description that is read. */
const MAX_META = 4096

/** Bytes of a block of data. */
const BLOCK = 2 ** 23

/** Largest value that is read. */
export const MOST_VALUE_BYTES: number = 2 ** 30

/** What a value says of itself, checked. */
export interface ChunkInfo {
  /** Hex of the key, and of the one before it. */
  readonly key: string
  readonly parent: string
  /** Name of the coder. */
  readonly coder: string
  readonly frame: ChunkFrame
  readonly data: Uint8Array
}

interface Meta {
  key: string
  parent: string
  coder: string
  fp: ModelFingerprint
  layers: number
  kvHeads: number
  headDim: number
  ropeTheta: number
  tokens: number
  position: number
}

/** The bytes of a chunk. */
export async function packChunk(
  kv: KvCache,
  keys: { key: Uint8Array; parent: Uint8Array },
  coder: ChunkCoder,
): Promise<Uint8Array> {
  const { fp, layers, kvHeads, headDim, ropeTheta } = kv
  const meta: Meta = {
    ...{ key: toHex(keys.key), parent: toHex(keys.parent), coder: coder.name },
    ...{ fp, layers, kvHeads, headDim, ropeTheta, tokens: kv.length, position: kv.positions[0] ?? 0 },
  }
  const data = await coder.encode(kv)
  const sink = new MemorySink()
  const writer = createContainer(sink)
  const entry = await writer.entry({ codec: CHUNK_CODEC, meta: new TextEncoder().encode(JSON.stringify(meta)) })
  const tokens = new ByteWriter(2 * kv.length)
  for (const id of kv.tokens) tokens.varint(id)
  await entry.block('tokens', tokens.finish(), { rawBytes: 4 * kv.length })
  for (let at = 0; at < data.length; at += BLOCK) {
    const part = data.subarray(at, at + BLOCK)
    await entry.block('data', part, { rawBytes: part.length, align: true })
  }
  await entry.finish(8 * kv.length * kv.layers * kv.width)
  await writer.finish()
  return sink.bytes()
}

/**
 * Read a value, and check that it is what its name says.
 *
 * @throws PithError `PITH_CORRUPT`, `PITH_TRUNCATED`, `PITH_CHECKSUM`, `PITH_LIMIT`, `PITH_VERSION` a damaged one
 */
export async function readChunk(bytes: Uint8Array): Promise<ChunkInfo> {
  const container = await openContainer(bytes)
  if (container.damage !== undefined) throw container.damage
  const entry = await container.entry(1)
  if (entry === undefined || entry.codec !== CHUNK_CODEC)
    throw new PithError('PITH_CORRUPT', 'the value holds no chunk')
  const meta = readMeta(entry.meta)
  const parts: Record<string, Uint8Array> = {}
  for (const section of ['tokens', 'data']) {
    const rows = await entry.blocks(section)
    // Rows of a hostile index may all point at the same bytes.
    if (rows.reduce((sum, row) => sum + row.storedBytes, 0) > bytes.length) {
      throw new PithError('PITH_CORRUPT', 'the value has larger parts than bytes')
    }
    const own = await Promise.all(rows.map((row) => entry.read(row)))
    parts[section] = own.length === 1 ? (own[0] as Uint8Array) : concatBytes(own)
  }
  const reader = new ByteReader(parts['tokens'] as Uint8Array)
  if (meta.tokens > reader.remaining) throw new PithError('PITH_CORRUPT', `there are no ${meta.tokens} tokens`)
  const tokens = Int32Array.from({ length: meta.tokens }, () => {
    const id = reader.varint()
    if (id > 0x7fffffff) throw new PithError('PITH_CORRUPT', `there is no token ${id}`)
    return id
  })
  reader.finish()
  if (!equalBytes(nextKey(fromHex(meta.parent), tokens), fromHex(meta.key))) {
    throw new PithError('PITH_CORRUPT', 'the tokens of the chunk are not those of its key')
  }
  const { fp, layers, kvHeads, headDim, ropeTheta, position } = meta
  const positions = Int32Array.from(tokens, (_, i) => position + i)
  return {
    ...{ key: meta.key, parent: meta.parent, coder: meta.coder },
    frame: { fp, layers, kvHeads, headDim, ropeTheta, tokens, positions },
    data: parts['data'] as Uint8Array,
  }
}

/** What a reader knows of the chunk that it asks for. */
export interface WantedChunk {
  readonly key: Uint8Array
  readonly parent: Uint8Array
  readonly fp: ModelFingerprint
  readonly tokens: Int32Array
  readonly position: number
}

/**
 * The cache in a value, which must be exactly what is wanted.
 *
 * @throws PithError as {@link readChunk}, and `PITH_MODEL` of another model
 */
export async function unpackChunk(bytes: Uint8Array, wanted: WantedChunk, coder: ChunkCoder): Promise<KvCache> {
  const info = await readChunk(bytes)
  const { frame } = info
  checkSameModel(wanted.fp, frame.fp)
  const isWanted =
    info.key === toHex(wanted.key) &&
    info.parent === toHex(wanted.parent) &&
    info.coder === coder.name &&
    frame.tokens.length === wanted.tokens.length &&
    frame.tokens.every((id, i) => id === wanted.tokens[i]) &&
    (frame.positions[0] ?? wanted.position) === wanted.position
  if (!isWanted) throw new PithError('PITH_CORRUPT', 'the value is another chunk than its name says')
  const kv = await coder.decode(info.data, frame)
  // Decoders of compressed chunks bring a frame of their own.
  checkSameModel(wanted.fp, kv.fp)
  if (kv.length !== frame.tokens.length || !kv.tokens.every((id, i) => id === frame.tokens[i])) {
    throw new PithError('PITH_CORRUPT', 'the value holds other tokens than it says')
  }
  return kv
}

function readMeta(bytes: Uint8Array | undefined): Meta {
  let meta: Partial<Meta> | null | undefined
  try {
    if (bytes !== undefined && bytes.length <= MAX_META) {
      meta = JSON.parse(new TextDecoder().decode(bytes)) as Partial<Meta> | null
    }
  } catch {
    meta = undefined
  }
  const isHash = (x: unknown): boolean => typeof x === 'string' && /^[0-9a-f]{64}$/.test(x)
  const isCount = (x: unknown, most: number): boolean =>
    Number.isInteger(x) && (x as number) >= 0 && (x as number) <= most
  if (
    typeof meta !== 'object' ||
    meta === null ||
    ![meta.key, meta.parent, meta.fp?.arch, meta.fp?.weights].every(isHash) ||
    typeof meta.fp?.numerics !== 'string' ||
    typeof meta.coder !== 'string' ||
    !isCount(meta.tokens, 65536) ||
    !isCount(meta.position, 2 ** 30) ||
    !(typeof meta.ropeTheta === 'number' && Number.isFinite(meta.ropeTheta) && meta.ropeTheta > 0)
  ) {
    throw new PithError('PITH_CORRUPT', 'the description of the chunk is damaged')
  }
  checkKvShape(meta as Meta, meta.tokens)
  return meta as Meta
}
