import { ByteWriter, isPithError, MemorySink, toSource } from '@pith/core'
import { createContainer } from '@pith/core/container'
import { describe, expect, test } from 'vitest'
import { logzipCodec } from './logzip.ts'
import { Prior } from './prior.ts'
import { packSignatures, shareSignatures, unpackSignatures } from './signature-pack.ts'

const refuses = (code: Parameters<typeof isPithError>[1]): unknown => expect.toSatisfy((e) => isPithError(e, code))

/** A prior without templates, whose column 1 has `count` texts of `length` bytes. */
function priorOf(count: number, length: number): Uint8Array {
  const meta = new ByteWriter()
  for (const value of [0, 0, 1, 1, count]) meta.varint(value)
  const out = new ByteWriter()
  out.varint(meta.length)
  out.bytes(meta.view())
  const text = new Uint8Array(length + 1).fill(97)
  text[length] = 10
  for (let i = 0; i < count; i++) out.bytes(text)
  return out.view()
}

describe('the prior', () => {
  test('has dictionaries of 2^20 bytes at most', () => {
    expect(Prior.parse(priorOf(1024, 1024)).texts(1)).toHaveLength(1024)
    expect(() => Prior.parse(priorOf(1025, 1024))).toThrow(refuses('PITH_CORRUPT'))
    expect(() => Prior.parse(priorOf(1, 2 ** 20 + 1))).toThrow(refuses('PITH_CORRUPT'))
  })

  test('takes its signatures to workers as they are, whatever bytes they have', () => {
    const signatures = new Map([
      ['plain \n text', { template: 1, program: [1, -1, 6, 1, 0] }],
      ['\xff\x80 \n', { template: 2, program: [] }],
      ['', { template: 3, program: [2, 0, 0, 1, 0, 3, 2, 0, 3, 0] }],
    ])
    expect(unpackSignatures(shareSignatures(packSignatures(signatures)))).toEqual(signatures)
  })
})

test('an encode does not go on with a log: that is what LogAppender is for', async () => {
  const container = createContainer(new MemorySink())
  const entry = await container.entry({ codec: 'logzip', version: 1 })
  const previous = { rawBytes: 5, sections: { chunk: { blocks: 1, nextKey: 1 } } }
  await expect(logzipCodec.encode(toSource(new Uint8Array(5)), entry, { previous })).rejects.toEqual(
    refuses('PITH_UNSUPPORTED'),
  )
})
