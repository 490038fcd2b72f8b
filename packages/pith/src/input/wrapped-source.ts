import { type Source, toSource } from '@pith/core'
import { codecs } from '../systems/codecs.ts'
import { damageIn, unwrap, unwrappedName, type Wrapper, wrapperOf } from './unwrap.ts'

/** Packed bytes that are looked at to see what is inside. */
const PACKED_HEAD = 1 << 18
const INNER_HEAD = 1 << 16
const FALLBACK = 'general'

/**
 * The wrapper of an input that holds something a codec knows; undefined where it should stay as it is.
 *
 * @param note  is told why a damaged one of which nothing comes out stays as it is
 */
export async function wrapperAround(
  source: Source,
  note?: (line: string) => Promise<void>,
): Promise<Wrapper | undefined> {
  const head = await source.head(PACKED_HEAD)
  const wrapper = wrapperOf(head)
  if (wrapper === undefined) return undefined
  const { inner, damage } = await innerHead(wrapper, head)
  if (inner.length === 0) {
    const shown = source.name ?? 'the input'
    if (damage !== undefined) await note?.(`${shown} looks packed with ${wrapper}, but ${damage}: it is kept as it is`)
    return undefined
  }
  const name = source.name === undefined ? undefined : unwrappedName(source.name)
  const [best] = await codecs().probe(inner, name)
  return best === undefined || best.codec.id === FALLBACK ? undefined : wrapper
}

/** What is inside, as an input of its own. */
export function innerSource(wrapper: Wrapper, source: Source): Source {
  const name = source.name === undefined ? {} : { name: unwrappedName(source.name) }
  return toSource(unwrap(wrapper, source.stream()), name)
}

async function innerHead(wrapper: Wrapper, packed: Uint8Array): Promise<{ inner: Uint8Array; damage?: string }> {
  const head = new Uint8Array(INNER_HEAD)
  let length = 0
  async function* once(): AsyncGenerator<Uint8Array> {
    yield packed
  }
  try {
    for await (const part of unwrap(wrapper, once())) {
      const taken = part.subarray(0, head.length - length)
      head.set(taken, length)
      length += taken.length
      if (length === head.length) break
    }
  } catch (error) {
    // The head is a part of the file, so it ends in the middle; what came out before counts.
    const damage = damageIn(error)?.message ?? 'it cannot be unpacked'
    return { inner: head.subarray(0, length), damage }
  }
  return { inner: head.subarray(0, length) }
}
