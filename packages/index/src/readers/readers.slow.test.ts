import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isPithError } from '@pith/core'
import { expect, test } from 'vitest'
import { NODE_CODECS } from './node/codecs.ts'
import { pageDocuments } from './pages.ts'
import { readParquet } from './parquet.ts'

test.each(['snappy', 'zstd-v2', 'gzip-plain', 'brotli-v2', 'none-delta'])(
  '%s: each third byte may be damaged',
  async (name) => {
    const data = new Uint8Array(readFileSync(join(import.meta.dirname, `../../test/parquet/${name}.parquet`)))
    let [read, refused] = [0, 0]
    for (let at = 0; at < data.length; at += 3) {
      const own = data.slice()
      own[at] ^= at % 2 === 0 ? 255 : 1 << (at % 8)
      try {
        let rows = 0
        for await (const { id } of readParquet(own, { codecs: NODE_CODECS })) rows += id === '' ? 0 : 1
        expect(rows).toBeLessThanOrEqual(12)
        read++
      } catch (error) {
        if (!isPithError(error)) throw error
        refused++
      }
    }
    // Statistics and the like may say anything; counts, offsets, types and what is packed may not.
    expect(Math.min(read, refused)).toBeGreaterThan(data.length / 30)
  },
  60_000,
)

/** Pieces of pages that patterns of our readers look for. */
const PIECES =
  '< > </ <p <p> </p> <li> </div> <title> </title> <script> <!-- --> " \' = a | |-| {# } [ ] ( ) ` ``` * _ ** ~~ . 。 漢 &amp; &# \\ - 1. #'.split(
    ' ',
  )

test('pages of two repeated pieces are read in time linear in their length', () => {
  for (const one of PIECES) {
    for (const other of PIECES) {
      const text = `${one}${other}${one === other ? '\n' : ' '}`.repeat(4000)
      for (const path of ['a.html', 'a.md', 'a.txt']) {
        const ids = pageDocuments(text, path).map(({ id }) => id)
        expect(new Set(ids).size).toBe(ids.length)
      }
    }
  }
}, 120_000)
