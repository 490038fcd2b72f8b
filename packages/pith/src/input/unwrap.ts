import type { Transform } from 'node:stream'
import { constants, crc32, createInflateRaw, createZstdDecompress } from 'node:zlib'
import { ByteFeed } from './byte-feed.ts'

/** A wrapper that is looked through. */
export type Wrapper = 'gzip' | 'zstd'

/** Why a wrapper cannot be looked through without losing something. */
export class WrapperDamage extends Error {
  override readonly name = 'WrapperDamage'
}

/** The damage behind an error, if that is what it comes from. */
export function damageIn(error: unknown): WrapperDamage | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    if (at instanceof WrapperDamage) return at
  }
  return undefined
}

/** Output of one engine call; two of them are held at most. */
const STEP = 1 << 18
/** Where more comes out than this, it must also be fewer than MAX_RATIO bytes for each that goes in: no log packs like that. */
const FREE_BYTES = 2 ** 30
const MAX_RATIO = 4000
const ZSTD_WINDOW_LOG = 27

const MEMBER_FLAGS = { checksum: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 }

/** What the first bytes say a file is wrapped in; undefined where it is not. */
export function wrapperOf(head: Uint8Array): Wrapper | undefined {
  if (head.length >= 3 && head[0] === 0x1f && head[1] === 0x8b && head[2] === 8) return 'gzip'
  if (head.length >= 4 && head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return 'zstd'
  return undefined
}

/** The name without the ending that stands for its wrapper. */
export function unwrappedName(name: string): string {
  return name.replace(/\.(?:gz|zst|zstd)$/i, '') || name
}

/**
 * The bytes inside a wrapper, of all its members in order, in bounded memory.
 *
 * @throws WrapperDamage where the bytes could not be made from this alone: it is cut, a checksum does not hold, other bytes
 * follow it, it needs more memory or expands more than a log can
 */
export async function* unwrap(wrapper: Wrapper, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const feed = new ByteFeed(chunks)
  let out = 0
  try {
    for (let members = 0; ; members++) {
      const first = await feed.next()
      if (first === undefined) return
      feed.unread(first)
      const member = wrapper === 'gzip' ? gzipMember(feed, members) : zstdFrame(feed)
      for await (const bytes of member) {
        out += bytes.length
        if (out > FREE_BYTES && out > feed.taken * MAX_RATIO) throw new WrapperDamage('it expands without bounds')
        yield bytes
      }
    }
  } finally {
    await feed.close()
  }
}

async function* gzipMember(feed: ByteFeed, before: number): AsyncGenerator<Uint8Array> {
  const cut = (): WrapperDamage => new WrapperDamage('it is cut short')
  const head = await feed.take(10)
  if (wrapperOf(head) !== 'gzip') {
    throw new WrapperDamage(before === 0 ? 'it is no gzip file' : 'other bytes follow its end')
  }
  if (head.length < 10) throw cut()
  const flags = head[3]!
  if (flags & MEMBER_FLAGS.reserved) throw new WrapperDamage('its header has unknown flags')
  if (flags & MEMBER_FLAGS.extra) {
    const size = await feed.take(2)
    const length = size.length < 2 ? 0 : size[0]! + 256 * size[1]!
    if (size.length < 2 || (await feed.take(length)).length < length) throw cut()
  }
  if (flags & MEMBER_FLAGS.name && !(await feed.skipText())) throw cut()
  if (flags & MEMBER_FLAGS.comment && !(await feed.skipText())) throw cut()
  if (flags & MEMBER_FLAGS.checksum && (await feed.take(2)).length < 2) throw cut()
  let crc = 0
  let length = 0
  for await (const bytes of expand(feed, createInflateRaw({ chunkSize: STEP }))) {
    crc = crc32(bytes, crc)
    length = (length + bytes.length) % 2 ** 32
    yield bytes
  }
  const trailer = await feed.take(8)
  if (trailer.length < 8) throw cut()
  const view = new DataView(trailer.buffer, trailer.byteOffset, 8)
  if (view.getUint32(0, true) !== crc || view.getUint32(4, true) !== length) {
    throw new WrapperDamage('its checksum does not hold')
  }
}

function zstdFrame(feed: ByteFeed): AsyncGenerator<Uint8Array> {
  const params = { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG }
  return expand(feed, createZstdDecompress({ chunkSize: STEP, params }))
}

type Engine = Pick<Transform, 'write' | 'end' | 'destroy' | 'destroyed' | 'once'> & {
  bytesWritten: number
} & AsyncIterable<Uint8Array>

/** Run an engine over the feed until its stream ends; what lies behind goes back to the feed. */
async function* expand(feed: ByteFeed, engine: Engine): AsyncGenerator<Uint8Array> {
  const closed = new Promise<void>((resolve) => {
    engine.once('error', () => resolve())
    engine.once('close', () => resolve())
  })
  let failure: unknown
  const feeding = feedEngine(feed, engine, closed).catch((error: unknown) => {
    failure = error
    engine.destroy()
  })
  try {
    for await (const bytes of engine) yield bytes
  } catch (error) {
    if (failure === undefined) throw damageOf(error)
  } finally {
    engine.destroy()
    await feeding
  }
  if (failure !== undefined) throw failure
}

async function feedEngine(feed: ByteFeed, engine: Engine, closed: Promise<void>): Promise<void> {
  for (let fed = 0; ; ) {
    const chunk = await feed.next()
    if (chunk === undefined) {
      engine.end()
      return
    }
    fed += chunk.length
    // After a failure the write is never answered.
    await Promise.race([new Promise<void>((resolve) => engine.write(chunk, () => resolve())), closed])
    const left = fed - engine.bytesWritten
    if (left > 0 || engine.destroyed) {
      feed.unread(chunk.subarray(chunk.length - Math.min(left, chunk.length)))
      return
    }
  }
}

function damageOf(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'Z_BUF_ERROR') return new WrapperDamage('it is cut short')
  if (code.includes('prefix_unknown')) return new WrapperDamage('other bytes follow its end')
  if (code.includes('frameParameter_window')) return new WrapperDamage('it needs more than 128 MiB of memory')
  if (code.startsWith('Z_') || code.startsWith('ZSTD_')) return new WrapperDamage('its data is damaged')
  return error
}
