import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { makeFolder, pith } from './host.ts'

const tmp = makeFolder()
const at = (name: string): string => join(tmp, name)
const lines = Array.from(
  { length: 1500 },
  (_, i) =>
    `2024-05-01 10:${String(i % 60).padStart(2, '0')}:00 host${i % 7} app[${i}]: ${i % 50 === 0 ? 'ERROR timeout' : 'ok'} user=u${i % 13}`,
)

beforeAll(async () => {
  mkdirSync(at('sub'))
  writeFileSync(at('app.log'), `${lines.join('\n')}\n`)
  writeFileSync(at('few.txt'), 'a\nb\nc\na\nd\ne\nf\na\ng')
  writeFileSync(at('sub/odd.txt'), Buffer.from('x\0y\nfoo\r\nb\xe4r\n\nfoobar foo\n', 'latin1'))
  writeFileSync(at('none'), '')
  writeFileSync(at('patterns'), 'foo\nERROR\n')
  // Small chunks, so that lines, matches and context cross them.
  for (const name of ['app.log', 'few.txt', 'sub/odd.txt', 'none']) {
    await pith(tmp, `compress TMP/${name} -o TMP/${name}.pith --chunk 4K -q`)
    await pith(tmp, `compress TMP/${name} -o TMP/${name}.g.pith --method general --chunk 4K -q`)
  }
})

/** The same call to GNU grep and to pith; names of files lose their endings. */
async function both(words: readonly string[], ending: string): Promise<[gnu: unknown, ours: unknown]> {
  const gnu = spawnSync(
    'grep',
    ['-a', ...(words.includes('-F') ? [] : ['-E']), ...words.map((word) => word.replaceAll('TMP', tmp))],
    {
      env: { ...process.env, LC_ALL: 'C' },
      input: '',
    },
  )
  const files = new Set(['TMP/app.log', 'TMP/few.txt', 'TMP/sub/odd.txt', 'TMP/none'])
  const ours = await pith(tmp, ['grep', ...words.map((word) => (files.has(word) ? word + ending : word))])
  const names = (text: string): string => text.replaceAll(tmp, 'TMP').replaceAll(/(?:\.g)?\.pith(?=[:\n-])/g, '')
  return [
    { code: gnu.status, out: names(gnu.stdout.toString('latin1')) },
    { code: ours.code, out: names(ours.out) },
  ]
}

const CALLS = [
  '-c ERROR TMP/app.log',
  'ERROR TMP/app.log TMP/few.txt',
  'nothing TMP/app.log',
  '-n ERROR TMP/app.log',
  '-n -C2 ERROR TMP/app.log',
  '-n -A60 ERROR TMP/app.log',
  '-B3 -A1 -n ERROR TMP/app.log',
  '-m3 -C2 -n ERROR TMP/app.log',
  '-m7 -n u1 TMP/app.log',
  '-c -v ok TMP/app.log',
  '-v -n -A2 ok TMP/app.log',
  '-o user=u1[0-9] TMP/app.log',
  '-o -n -C1 ERROR TMP/app.log',
  '-A1 a TMP/few.txt',
  '-A0 a TMP/few.txt',
  '-B1 a TMP/few.txt',
  '-1 a TMP/few.txt',
  '-o -A1 a TMP/few.txt',
  '-v a TMP/few.txt',
  '-c -m0 a TMP/few.txt',
  '-L -m0 a TMP/few.txt',
  '-c -v -e  TMP/few.txt',
  '-c -v -w -e  TMP/few.txt',
  '-L -v -e  TMP/few.txt',
  '-v -A1 a TMP/few.txt',
  '-o -v a TMP/few.txt',
  '-o -v -A1 a TMP/few.txt',
  '-m1 -A2 a TMP/few.txt',
  '-m2 -A5 a TMP/few.txt',
  '-m0 a TMP/few.txt',
  '-c -m2 a TMP/few.txt',
  '-l a TMP/app.log TMP/few.txt TMP/none',
  '-L a TMP/app.log TMP/few.txt TMP/none',
  '-L zz TMP/few.txt',
  '-q a TMP/few.txt',
  '-q zz TMP/few.txt',
  '-h a TMP/few.txt TMP/app.log',
  '-H -n g TMP/few.txt',
  '-A1 a TMP/few.txt TMP/few.txt',
  '-f TMP/patterns TMP/app.log TMP/sub/odd.txt',
  '-w foo TMP/sub/odd.txt',
  '-x -n foo. TMP/sub/odd.txt',
  '-F -x a TMP/few.txt',
  '-i FOO TMP/sub/odd.txt',
  '-n ^$ TMP/sub/odd.txt',
  '-e a -e b TMP/few.txt',
  '-c x.y TMP/sub/odd.txt',
  '-s a TMP/missing TMP/few.txt',
  'a TMP/missing TMP/few.txt',
  'foo TMP/sub',
  '( TMP/few.txt',
  '-c . TMP/none',
]

describe.each([
  ['plain files', ''],
  ['compressed logs', '.pith'],
  ['the general codec', '.g.pith'],
])('%s are searched as GNU grep does', (_, ending) => {
  test.each(CALLS)('grep %s', async (line) => {
    const [gnu, ours] = await both(line.split(' '), ending)
    expect(ours).toEqual(gnu)
  })
})

test('folders need -r, and are searched in the order of names', async () => {
  expect(await pith(tmp, 'grep foo TMP/sub')).toMatchObject({
    code: 2,
    err: 'pith: error PITH_IO: TMP/sub is a folder\nhint: Add -r to search its files.\n',
  })
  expect(await pith(tmp, 'grep -r -c foo TMP/sub')).toMatchObject({
    code: 0,
    out: 'TMP/sub/odd.txt:2\nTMP/sub/odd.txt.g.pith:2\nTMP/sub/odd.txt.pith:2\n',
  })
})

test('entries of archives are named', async () => {
  await pith(tmp, 'compress TMP/few.txt TMP/app.log -o TMP/two.pith -q')
  expect(await pith(tmp, 'grep -c a TMP/two.pith')).toMatchObject({
    code: 0,
    out: 'TMP/two.pith:few.txt:3\nTMP/two.pith:app.log:1500\n',
  })
  expect((await pith(tmp, 'grep -h -m1 a TMP/two.pith')).out).toBe(`a\n${lines[0]}\n`)
  expect(JSON.parse((await pith(tmp, 'grep --json ERROR TMP/two.pith')).out)).toEqual({
    ok: true,
    files: [
      { file: 'TMP/two.pith', entry: 'few.txt', lines: 0 },
      { file: 'TMP/two.pith', entry: 'app.log', lines: 30 },
    ],
  })
})

test('stdin may be plain or compressed', async () => {
  const packed = (await pith(tmp, 'compress TMP/few.txt -o -')).bytes
  expect(await pith(tmp, 'grep -n a', packed)).toMatchObject({ code: 0, out: '1:a\n4:a\n8:a\n' })
  expect(await pith(tmp, 'grep -n -H g -', 'f\ng')).toMatchObject({ code: 0, out: '(standard input):2:g\n' })
})

test('plain files have no times to search by, and times must be times', async () => {
  expect(await pith(tmp, 'grep --since 2h a TMP/few.txt')).toMatchObject({
    code: 2,
    out: '',
    err: 'pith: error PITH_UNSUPPORTED: TMP/few.txt has no times that --since and --until could look at\nhint: Compress the log with pith compress first.\n',
  })
  expect((await pith(tmp, 'grep --since yesterday a TMP/few.txt')).err).toMatch(
    /^pith: error PITH_ARG: 'yesterday' is not a time\n/,
  )
})
