import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { describeFile, GOLDEN } from '../../test/container/golden-cases.ts'

const folder = join(import.meta.dirname, '../../test/golden/v1/container')

describe.each(Object.entries(GOLDEN))('golden file %s', (name, make) => {
  const bytes = new Uint8Array(readFileSync(join(folder, `${name}.pith`)))

  test('is read, or refused, as on the day it was made', async () => {
    const expected: unknown = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'))
    expect(JSON.parse(JSON.stringify(await describeFile(bytes)))).toEqual(expected)
  })

  test('is what the writer makes today', async () => {
    expect(Buffer.compare(await make(), bytes)).toBe(0)
  })
})
