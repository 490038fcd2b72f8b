import { crc32, deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { unwrap, unwrappedName, type Wrapper, WrapperDamage, wrapperOf } from './unwrap.ts'

const log = Buffer.from(
  Array.from({ length: 300 }, (_, i) => `2024-05-01 10:00:0${i % 10} request ${i * 7}\n`).join(''),
)

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function inside(wrapper: Wrapper, bytes: Uint8Array, size = 1000): Promise<Buffer | string> {
  const parts: Uint8Array[] = []
  try {
    for await (const part of unwrap(wrapper, pieces(bytes, size))) parts.push(part)
  } catch (error) {
    if (error instanceof WrapperDamage) return error.message
    throw error
  }
  return Buffer.concat(parts)
}

const packers: Record<Wrapper, (bytes: Uint8Array) => Buffer> = { gzip: gzipSync, zstd: zstdCompressSync }

describe.each(['gzip', 'zstd'] as const)('%s', (wrapper) => {
  const whole = packers[wrapper](log)

  test('is known by its first bytes', () => {
    expect(wrapperOf(whole)).toBe(wrapper)
    expect(wrapperOf(whole.subarray(0, 2))).toBeUndefined()
    expect(wrapperOf(log)).toBeUndefined()
  })

  test.each([1, 7, 1000, 1e6])('opens, cut into pieces of %i bytes', async (size) => {
    expect(await inside(wrapper, whole, size)).toEqual(log)
  })

  test('opens members one behind the other, empty ones too, wherever the pieces are cut', async () => {
    const parts = [log.subarray(0, 1000), log.subarray(1000, 1000), log.subarray(1000)].map((part) =>
      packers[wrapper](part),
    )
    for (const size of [1, 3, parts[0]!.length, 1e6]) {
      expect(await inside(wrapper, Buffer.concat(parts), size)).toEqual(log)
    }
  })

  test('is refused at every length it is cut to', async () => {
    const small = packers[wrapper](log.subarray(0, 300))
    for (let length = 4; length < small.length; length++) {
      expect(await inside(wrapper, small.subarray(0, length))).toBe('it is cut short')
    }
  })

  test.each([1, 13, 1e6])('is refused where other bytes follow, in pieces of %i', async (size) => {
    expect(await inside(wrapper, Buffer.concat([whole, Buffer.from('trailing')]), size)).toBe(
      'other bytes follow its end',
    )
    expect(await inside(wrapper, Buffer.concat([whole, Buffer.alloc(16)]), size)).toBe('other bytes follow its end')
  })

  test('ends when its reader does', async () => {
    for await (const part of unwrap(wrapper, pieces(whole, 500))) {
      expect(part.length).toBeGreaterThan(0)
      break
    }
  })

  test('passes on what its source throws', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield whole.subarray(0, 50)
      throw new Error('disk')
    }
    const read = async (): Promise<void> => {
      for await (const _ of unwrap(wrapper, failing()));
    }
    await expect(read()).rejects.toThrow('disk')
  })
})

test('a gzip header may hold a name, a comment, extra fields and a checksum', async () => {
  const head = [0x1f, 0x8b, 8, 2 | 4 | 8 | 16, 0, 0, 0, 0, 0, 3, 5, 0, 1, 2, 3, 4, 5]
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc32(log))
  trailer.writeUInt32LE(log.length, 4)
  const texts = Buffer.from('app.log\0a comment\0')
  const file = Buffer.concat([Uint8Array.from(head), texts, Uint8Array.of(9, 9), deflateRawSync(log), trailer])
  expect(await inside('gzip', file, 1)).toEqual(log)
  trailer[0]! ^= 1
  const wrong = Buffer.concat([Uint8Array.from(head), texts, Uint8Array.of(9, 9), deflateRawSync(log), trailer])
  expect(await inside('gzip', wrong)).toBe('its checksum does not hold')
})

test('a zstd frame may be skippable', async () => {
  const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3])
  expect(await inside('zstd', Buffer.concat([zstdCompressSync(log), skippable, zstdCompressSync(log)]))).toEqual(
    Buffer.concat([log, log]),
  )
})

test('names lose their ending', () => {
  expect(['app.log.gz', 'app.log.ZST', 'app.log', '.gz'].map(unwrappedName)).toEqual([
    'app.log',
    'app.log',
    'app.log',
    '.gz',
  ])
})
