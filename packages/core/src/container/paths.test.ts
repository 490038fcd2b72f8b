import { describe, expect, test } from 'vitest'
import { MemorySink } from '../sink.ts'
import { compareText } from '../text-order.ts'
import { createContainer } from './create.ts'
import { checkLink, checkPath } from './paths.ts'

describe('paths', () => {
  test.each(['a', 'a/b.log', '.hidden', 'dev-disk-by\\x2dlabel.device', 'ünï/ço', 'con-fig', 'ab:c', '...x'])(
    '%s is safe',
    (path) => {
      expect(checkPath(path)).toBe(path)
    },
  )

  test.each([
    '',
    '/etc/passwd',
    '../x',
    'a/../b',
    'a/..',
    './a',
    'a//b',
    'a/',
    'a\0b',
    'C:\\x',
    'c:x',
    '\\\\server\\x',
    'a\\..\\..\\b',
    'NUL',
    'a/con.txt',
    'lpt1',
    'com¹',
    'a/.. ',
    '\ud800',
    'x'.repeat(4097),
  ])('%j is refused', (path) => {
    expect(() => checkPath(path)).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
  })

  test('links may point anywhere within the archive, and not out of it', () => {
    expect(checkLink('a/b/l', '../../c')).toBe('../../c')
    expect(checkLink('l', 'x/y')).toBe('x/y')
    for (const target of ['../../../c', '/etc', 'x/../../..', 'x/../y', '', 'C:\\', 'a\\..\\b', 'nul']) {
      expect(() => checkLink('a/b/l', target)).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
    }
  })

  test('are ordered as their UTF-8 bytes', () => {
    const paths = ['\u{1f600}', '\uffee', 'a', 'a/b', '\ud7ff', 'Z', '']
    const byBytes = [...paths].sort((a, b) => {
      const [x, y] = [a, b].map((text) =>
        Array.from(new TextEncoder().encode(text), (n) => String.fromCharCode(n)).join(''),
      )
      return x < y ? -1 : Number(x > y)
    })
    expect([...paths].sort(compareText)).toEqual(byBytes)
  })
})

describe('what a writer refuses', () => {
  test.each([
    ['an unsafe path', { path: '../x' }],
    ['a mode above 07777', { mode: 0o10000 }],
    ['a link without a path', { kind: 'link' as const, link: 'x' }],
    ['a target on a file', { path: 'a', link: 'x' }],
    ['a profile name that is no hash', { externalProfile: 'abcd' }],
    ['an empty codec', { codec: '' }],
    ['too much meta', { meta: new Uint8Array(65537) }],
  ])('%s', async (_what, options) => {
    const sink = new MemorySink()
    const writer = createContainer(sink)
    await expect(writer.entry(options)).rejects.toMatchObject({ code: 'PITH_ARG' })
    // A refused argument leaves the writer usable.
    await (await writer.entry({ path: 'ok' })).finish()
    expect((await writer.finish()).entries).toBe(1)
  })

  test('a path that stands already, a second open entry, a block after the end, a profile that is not there', async () => {
    const writer = createContainer(new MemorySink())
    const entry = await writer.entry({ path: 'a' })
    const none = { rawBytes: 1, profile: 1 }
    await expect(entry.block('d', new Uint8Array(1), none)).rejects.toMatchObject({ code: 'PITH_ARG' })
    await expect(writer.entry({ path: 'b' })).rejects.toMatchObject({ code: 'PITH_ARG' })
    await entry.finish()
    await expect(entry.block('d', new Uint8Array(1), { rawBytes: 1 })).rejects.toMatchObject({ code: 'PITH_ARG' })
    await expect(writer.entry({ path: 'a' })).rejects.toMatchObject({ code: 'PITH_ARG' })
  })
})
