import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { equalBytes, fingerprint, isPithError } from '@pith/core'
import { unpackEntry } from '@pith/core/testing'
import { describe, expect, test } from 'vitest'
import { describeLogs, GOLDEN } from '../../test/golden-cases.ts'
import { logzipCodec } from './logzip.ts'

const folder = join(import.meta.dirname, '../../test/golden/v1')
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)))

interface Expected {
  error?: string
  entries?: { sha256: string }[]
}

const expectedOf = (name: string): Expected => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'))

test('every golden file that is made is kept, and no other', () => {
  const names = readdirSync(folder).filter((name) => name.endsWith('.pith'))
  expect(names.sort()).toEqual(
    Object.keys(GOLDEN)
      .map((name) => `${name}.pith`)
      .sort(),
  )
})

describe.each(Object.keys(GOLDEN))('golden file %s', (name) => {
  test('is read, or refused, as on the day it was made', async () => {
    expect(JSON.parse(JSON.stringify(await describeLogs(read(`${name}.pith`))))).toEqual(expectedOf(name))
  })
})

describe('golden files of the levels', () => {
  test('the levels of one log give the same bytes', () => {
    for (const log of ['log', 'prior', 'json', 'times', 'awkward', 'empty']) {
      const hashes = ['fast', 'default', 'max'].map((level) => expectedOf(`${level}-${log}`).entries?.[0]?.sha256)
      expect(new Set(hashes).size).toBe(1)
      expect(hashes[0]).toMatch(/^[0-9a-f]{64}$/)
    }
  })

  test.each(['fast-log', 'max-log', 'max-awkward'])('%s: truncations and bit flips are noticed', async (name) => {
    const file = read(`${name}.pith`)
    const sha256 = expectedOf(name).entries?.[0]?.sha256
    const step = Math.max(1, Math.floor(file.length / 150))
    for (let at = 0; at < file.length; at += step) {
      for (const damaged of [file.subarray(0, at), file.with(at, (file[at] as number) ^ (1 << (at & 7)))]) {
        try {
          expect(fingerprint(await unpackEntry(logzipCodec, damaged))).toBe(sha256)
        } catch (error) {
          if (!isPithError(error) || error.at === undefined || error.code === 'PITH_INTERNAL') throw error
        }
      }
    }
    expect(equalBytes(file, read(`${name}.pith`))).toBe(true)
  })
})
