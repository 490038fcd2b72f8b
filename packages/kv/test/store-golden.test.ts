import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { chainKeys, rawCoder } from '../src/store/index.ts'
import { unpackChunk } from '../src/store/value.ts'
import { cacheOf, modelPrint, randomText } from './prefixes.ts'

test.each(['f32', 'f16'] as const)('a chunk of version 1 in %s opens', async (dtype) => {
  const bytes = readFileSync(join(import.meta.dirname, `golden/chunk-raw-${dtype}.pith`))
  const [fp, text] = [modelPrint(), randomText(16, 1)]
  const [, parent, key] = chainKeys(text, { fp, chunk: 8, salt: 'golden' }) as [Uint8Array, Uint8Array, Uint8Array]
  const wanted = { key, parent, fp, tokens: text.subarray(8), position: 8 }
  const kv = await unpackChunk(new Uint8Array(bytes), wanted, rawCoder(dtype))
  const whole = cacheOf(text).slice(8, 16)
  for (const layer of [0, 1]) {
    for (const [own, right] of [
      [kv.keys[layer], whole.keys[layer]],
      [kv.values[layer], whole.values[layer]],
    ] as [Float32Array, Float32Array][]) {
      if (dtype === 'f32') expect(own).toEqual(Float32Array.from(right))
      else for (const [i, x] of right.entries()) expect(Math.abs((own[i] as number) - x)).toBeLessThan(2e-3)
    }
  }
  expect(kv.positions).toEqual(Int32Array.of(8, 9, 10, 11, 12, 13, 14, 15))
})
