import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { makeFolder, pith } from './host.ts'

const tmp = makeFolder()
const at = (name: string): string => join(tmp, name)
const log = Buffer.from(
  Array.from({ length: 400 }, (_, i) => `2024-05-01 10:00:${10 + (i % 50)} app[${i}]: request ${i * 7919} done\n`).join(
    '',
  ),
)
const packed = { gz: gzipSync(log), zst: zstdCompressSync(log) }
const names = { gz: 'gzip', zst: 'zstd' } as const

test.each(['gz', 'zst'] as const)('a .%s log is unpacked first, and that is said', async (ending) => {
  writeFileSync(at(`${ending}.log.${ending}`), packed[ending])
  const { code, err } = await pith(tmp, `compress TMP/${ending}.log.${ending}`)
  expect([code, err.split('\n')[0]]).toEqual([
    0,
    `pith: TMP/${ending}.log.${ending} is packed with ${names[ending]} and is unpacked first (--no-unwrap keeps it)`,
  ])
  expect((await pith(tmp, `decompress TMP/${ending}.log.pith`)).code).toBe(0)
  expect(readFileSync(at(`${ending}.log`))).toEqual(log)
})

test.each(['gz', 'zst'] as const)('--no-unwrap keeps a .%s, and so does a folder', async (ending) => {
  expect((await pith(tmp, `compress --no-unwrap TMP/${ending}.log.${ending} -q`)).code).toBe(0)
  expect((await pith(tmp, `decompress TMP/${ending}.log.${ending}.pith -o -`)).bytes).toEqual(packed[ending])
  expect(
    (await pith(tmp, `compress TMP/${ending}.log.${ending} TMP/${ending}.log -o TMP/${ending}.both.pith -q`)).code,
  ).toBe(0)
  const name = `${ending}.log.${ending}`
  expect((await pith(tmp, `decompress TMP/${ending}.both.pith --entry ${name} -o -`)).bytes).toEqual(packed[ending])
})

test.each(['gz', 'zst'] as const)('stdin is unpacked as well: .%s', async (ending) => {
  const small = (await pith(tmp, 'compress -', packed[ending])).bytes
  expect((await pith(tmp, 'decompress - -o -', small)).bytes).toEqual(log)
})

test.each([
  ['gz', 'cut', 'it is cut short', packed.gz.subarray(0, 900)],
  ['zst', 'cut', 'it is cut short', Buffer.concat([packed.zst, packed.zst.subarray(0, 900)])],
  ['gz', 'followed', 'other bytes follow its end', Buffer.concat([packed.gz, Buffer.from('more')])],
  ['zst', 'followed', 'other bytes follow its end', Buffer.concat([packed.zst, Buffer.from('more')])],
])('a .%s that is %s is kept as it is, from a file and from stdin', async (ending, name, why, bytes) => {
  writeFileSync(at(`${name}.log.${ending}`), bytes)
  const { code, err } = await pith(tmp, `compress TMP/${name}.log.${ending}`)
  expect([code, err.split('\n')[1]]).toEqual([0, `pith: TMP/${name}.log.${ending} is kept as it is: ${why}`])
  expect(existsSync(at(`${name}.log.pith`))).toBe(false)
  expect((await pith(tmp, `decompress TMP/${name}.log.${ending}.pith -o -`)).bytes).toEqual(bytes)
  const small = (await pith(tmp, 'compress - -q', bytes)).bytes
  expect((await pith(tmp, 'decompress - -o -', small)).bytes).toEqual(bytes)
})

test('what is packed but no log stays packed', async () => {
  const image = gzipSync(Uint8Array.from({ length: 5000 }, (_, i) => (i * i * 31) >> 5))
  writeFileSync(at('image.gz'), image)
  expect((await pith(tmp, 'compress TMP/image.gz')).err).not.toContain('unpacked')
  expect((await pith(tmp, 'decompress TMP/image.gz.pith -o -')).bytes).toEqual(image)
})

test('--append unpacks too, and refuses what is damaged', async () => {
  for (const name of ['gz.log', 'gz.log.gz', 'zst.log.zst']) {
    expect((await pith(tmp, `compress --append TMP/${name} -o TMP/all.pith -q`)).code).toBe(0)
  }
  const three = Buffer.concat([log, log, log])
  expect((await pith(tmp, 'cat TMP/all.pith')).bytes).toEqual(three)
  expect(await pith(tmp, 'compress --append TMP/cut.log.gz -o TMP/all.pith -q')).toMatchObject({
    code: 1,
    err: 'pith: error PITH_CORRUPT: TMP/cut.log.gz cannot be unpacked: it is cut short\nhint: Add --no-unwrap to append it as it is.\n',
  })
  expect((await pith(tmp, 'cat TMP/all.pith')).bytes).toEqual(three)
})

test('--dry-run looks inside', async () => {
  const { code, out } = await pith(tmp, 'compress -n TMP/gz.log.gz')
  expect(code).toBe(0)
  expect(out).toMatch(
    new RegExp(`^TMP/gz.log.gz: ${(log.length / 1000).toFixed(1)} kB -> about .*, logzip, about TIME\n$`),
  )
})

test('a .zst that is cut within its first block is kept, and said to be', async () => {
  const packed = zstdCompressSync(Buffer.from('2024-05-01 10:00:00 app[7]: started job 1\n'.repeat(9)))
  writeFileSync(join(tmp, 'stub.log.zst'), packed.subarray(0, 12))
  const { code, err } = await pith(tmp, 'compress TMP/stub.log.zst')
  expect(code).toBe(0)
  expect(err).toContain('pith: stub.log.zst looks packed with zstd, but it is cut short: it is kept as it is\n')
})
