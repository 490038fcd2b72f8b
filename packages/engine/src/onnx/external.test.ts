import { isPithError } from '@pith/core'
import { describe, expect, test } from 'vitest'
import { moveExternal, resolveExternal } from './external.ts'
import type { ModelProto } from './proto.ts'
import { readModel } from './read.ts'
import { writeModel } from './write.ts'

const bytes = (length: number, from: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (from + i) % 256)

const whole = (): ModelProto => ({
  graph: {
    initializer: [
      { dims: [2000], dataType: 2, name: 'a', rawData: bytes(2000, 0) },
      { dims: [3], dataType: 2, name: 'small', rawData: bytes(3, 9) },
      { dims: [1500], dataType: 2, name: 'b', rawData: bytes(1500, 50) },
    ],
  },
})

const outside = (entries: Record<string, string>, dims = [4]): ModelProto => ({
  graph: {
    initializer: [
      {
        dims,
        dataType: 2,
        name: 'w',
        externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
        dataLocation: 1,
      },
    ],
  },
})

async function code(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise
  } catch (error) {
    if (isPithError(error)) return error.code
    throw error
  }
  return undefined
}

describe('tensors in other files', () => {
  test('are moved out at multiples of the alignment and come back', async () => {
    const { model, files } = moveExternal(whole(), { name: (shard) => `w${shard}`, alignment: 64 })
    expect([...files.keys()]).toEqual(['w0'])
    expect(files.get('w0')?.parts.map(({ offset }) => offset)).toEqual([0, 2048])
    const file = new Uint8Array(files.get('w0')?.bytes ?? 0)
    for (const part of files.get('w0')?.parts ?? []) file.set(part.bytes, part.offset)
    const read = readModel(writeModel(model))
    expect(read.graph?.initializer?.map(({ rawData }) => rawData?.length)).toEqual([undefined, 3, undefined])
    let opened = 0
    const back = await resolveExternal(read, async (location) => {
      expect(location).toBe('w0')
      opened++
      return file
    })
    expect(back).toEqual(whole())
    expect(opened).toBe(1)
  })

  test('are spread over shards', () => {
    const { files } = moveExternal(whole(), { name: (shard) => `w${shard}`, shardBytes: 1000 })
    expect([...files.keys()]).toEqual(['w0', 'w1'])
  })

  test.each(['/etc/passwd', '../w', 'a/../../w', '', 'a\\w', 'C:w', 'a//w', 'a\u0000w'])(
    'the location %j is refused',
    async (location) => {
      let opened = false
      const open = async (): Promise<Uint8Array> => {
        opened = true
        return new Uint8Array(4)
      }
      expect(await code(resolveExternal(outside({ location }), open))).toBe('PITH_MODEL')
      expect(opened).toBe(false)
    },
  )

  test.each<[string, Record<string, string>, string]>([
    ['beyond the end', { location: 'w', offset: '2', length: '4' }, 'PITH_TRUNCATED'],
    ['of a negative offset', { location: 'w', offset: '-1', length: '4' }, 'PITH_CORRUPT'],
    ['of no length', { location: 'w', length: '0x4' }, 'PITH_CORRUPT'],
    ['of a huge offset', { location: 'w', offset: '99999999999999999999', length: '4' }, 'PITH_CORRUPT'],
    ['without a file', { offset: '0' }, 'PITH_CORRUPT'],
    ['of a length that is not the shape', { location: 'w', length: '3' }, 'PITH_CORRUPT'],
  ])('an entry %s is refused', async (_, entries, wanted) => {
    const model = outside(entries)
    const resolved = async () => readModel(writeModel(await resolveExternal(model, async () => new Uint8Array(5))))
    expect(await code(resolved())).toBe(wanted)
  })
})
