import type { Random } from '../random.ts'

/** How bytes are changed. */
export type Mutation = 'flip' | 'byte' | 'cut' | 'insert' | 'repeat' | 'length' | 'swap'

const KINDS: readonly Mutation[] = ['flip', 'byte', 'cut', 'insert', 'repeat', 'length', 'swap']

/** Bytes that start large or unusual varints. */
const LENGTHS: readonly (readonly number[])[] = [
  [0],
  [127],
  [0xff, 0x01],
  [0xff, 0xff, 0x03],
  [0xff, 0xff, 0xff, 0x7f],
  [0xff, 0xff, 0xff, 0xff, 0x07],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
]

/** One to four changes of `bytes`, in a copy; the same for the same state of `random`. */
export function mutations(bytes: Uint8Array, random: Random): Uint8Array {
  let changed: Uint8Array = bytes.slice()
  for (let left = 1 + random.integer(4); left > 0; left--) {
    changed = mutate(changed, KINDS[random.integer(KINDS.length)] as Mutation, random)
  }
  return changed
}

function mutate(bytes: Uint8Array, kind: Mutation, random: Random): Uint8Array {
  const n = bytes.length
  if (n === 0) return Uint8Array.of(random.u32())
  const at = random.integer(n)
  switch (kind) {
    case 'flip':
      bytes[at] = (bytes[at] as number) ^ (1 << random.integer(8))
      return bytes
    case 'byte':
      bytes[at] = random.u32()
      return bytes
    case 'cut':
      return splice(bytes, at, Math.min(n - at, 1 + random.integer(16)), [])
    case 'insert':
      return splice(
        bytes,
        at,
        0,
        Array.from({ length: 1 + random.integer(8) }, () => random.integer(256)),
      )
    case 'repeat':
      return splice(bytes, at, 0, [...bytes.subarray(at, at + 1 + random.integer(64))])
    case 'length':
      return splice(bytes, at, 1 + random.integer(2), LENGTHS[random.integer(LENGTHS.length)] as readonly number[])
    default: {
      const other = random.integer(n)
      const kept = bytes[at] as number
      bytes[at] = bytes[other] as number
      bytes[other] = kept
      return bytes
    }
  }
}

function splice(bytes: Uint8Array, at: number, drop: number, put: readonly number[]): Uint8Array {
  const rest = bytes.subarray(Math.min(bytes.length, at + drop))
  const changed = new Uint8Array(at + put.length + rest.length)
  changed.set(bytes.subarray(0, at))
  changed.set(put, at)
  changed.set(rest, at + put.length)
  return changed
}
