import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Lm } from '@pith/lm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { KvFile, readProfileFile } from '../src/cachegen/index.ts'
import { smallModel, texts } from './model.ts'

const golden = (name: string): Uint8Array => readFileSync(join(import.meta.dirname, 'golden', name))
/** How far keys are from those of the model at levels 1 and 4, as when the files were written. */
const ERRORS = {
  anchor: [0.47674, 0.09606],
  cachegen: [0.89769, 0.24935],
  'pca-layer': [0.72845, 0.20292],
  pca: [0.83962, 0.28584],
} as const

let lm: Lm
beforeAll(() => {
  lm = smallModel()
})
afterAll(() => lm.close())

test.each(['anchor', 'cachegen', 'pca-layer', 'pca'] as const)(
  'files of %s that were written once open as they did',
  async (preset) => {
    const profile = await readProfileFile(golden(`${preset}.kvp`))
    expect(profile).toMatchObject({ preset, arch: lm.fingerprint.arch, weights: lm.fingerprint.weights })
    const file = await KvFile.open(golden(`${preset}.pith`), { profile })
    expect(file.info).toMatchObject({ preset, levels: [1, 4], chunk: 32, sinks: 4, tokens: 60 })
    const ids = texts(1, 60, 77)[0] as Int32Array
    const session = lm.session()
    await session.prefill(ids)
    const exact = session.kv()
    const errors: number[] = []
    for (const level of [1, 4]) {
      const back = await file.cache(lm.fingerprint, { level })
      expect(back.tokens).toEqual(ids)
      let [error, size] = [0, 0]
      for (const [layer, rows] of exact.keys.entries()) {
        for (const [i, value] of rows.entries()) {
          error += (value - (back.keys[layer]?.[i] as number)) ** 2
          size += value ** 2
        }
      }
      errors.push(Math.sqrt(error / size))
    }
    for (const [i, error] of errors.entries()) expect(error).toBeCloseTo(ERRORS[preset][i] as number, 4)
  },
)
