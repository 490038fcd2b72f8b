import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeFolder, pith } from './host.ts'

const tmp = makeFolder()
const sentences = Array.from(
  { length: 120 },
  (_, i) => `Sentence ${i} says that part ${i % 11} of the ship is made of wood.`,
)
sentences[70] = 'The engine was replaced in 1931 by one of 400 horsepower.'
writeFileSync(join(tmp, 'ship.txt'), sentences.join('\n'))
writeFileSync(join(tmp, 'bytes.bin'), Uint8Array.of(0xff, 0xfe, 0x80))
writeFileSync(
  join(tmp, 'passages.jsonl'),
  ['Bread is baked of flour.', 'The engine was replaced in 1931.', 'It rains.']
    .map((text) => `${JSON.stringify({ title: 'T', text })}\n`)
    .join(''),
)
mkdirSync(join(tmp, 'src/node_modules'), { recursive: true })
writeFileSync(
  join(tmp, 'src/a.ts'),
  'export function retry(times: number): void {\n  const wait = 3\n  again(wait, times)\n}\n\nfunction other(): void {\n  nothing(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17)\n}\n',
)
writeFileSync(join(tmp, 'src/node_modules/b.ts'), 'function retry() {}\n')

test('help of prompt compress is exact', async () => {
  expect(await pith(tmp, 'prompt compress --help')).toMatchSnapshot()
})

test('a text is cut to its budget, and what is gone comes back', async () => {
  const line = [
    'prompt',
    'compress',
    'TMP/ship.txt',
    '--budget',
    '60tok',
    '-Q',
    'when was the engine replaced',
    '--joiner',
    'marker',
  ]
  const { code, bytes, err } = await pith(tmp, [...line, '--map', 'TMP/map.json'])
  const out = bytes.toString('utf8')
  expect(code).toBe(0)
  expect(out).toContain(sentences[70])
  expect(err).toMatch(/^pith: \d+ tokens -> \d+ \(.* %\), ranked by/)
  const map = JSON.parse(readFileSync(join(tmp, 'map.json'), 'utf8'))
  expect(map.tokens).toBeLessThanOrEqual(60)
  expect(readFileSync(join(tmp, 'map.json'), 'utf8')).not.toContain('engine')
  const id = /⟦pith:([a-z2-7]{6})/.exec(out)?.[1] as string
  const back = await pith(tmp, ['prompt', 'retrieve', id, '--map', 'TMP/map.json', '--text', 'TMP/ship.txt'])
  expect(sentences.join('\n')).toContain(back.out.trimEnd())
  expect(
    await pith(tmp, ['prompt', 'retrieve', 'aaaaaa', '--map', 'TMP/map.json', '--text', 'TMP/ship.txt']),
  ).toMatchObject({ code: 1, out: '' })
  expect(
    await pith(tmp, ['prompt', 'retrieve', id, '--map', 'TMP/map.json', '--text', 'TMP/passages.jsonl']),
  ).toMatchObject({
    code: 2,
    err: expect.stringContaining('is not the text that'),
  })
  const json = JSON.parse((await pith(tmp, [...line, '--json'])).bytes.toString('utf8'))
  expect(json).toMatchObject({ ok: true, tokens: map.tokens, text: out, overBudget: false })
})

test('standard input, passages and files', async () => {
  const text = sentences.join('\n')
  const { out } = await pith(tmp, ['prompt', 'compress', '-', '-b', '10%', '-Q', 'engine'], text)
  expect(out).toContain('400 horsepower')
  const line = [
    'prompt',
    'compress',
    'TMP/passages.jsonl',
    '--as',
    'passages',
    '-b',
    '14tok',
    '-Q',
    'When was the engine replaced?',
  ]
  expect((await pith(tmp, line)).out).toContain('The engine was replaced in 1931.')
  expect((await pith(tmp, [...line, '-o', 'TMP/out.txt'])).out).toBe('')
  expect(readFileSync(join(tmp, 'out.txt'), 'utf8')).toContain('1931')
  expect(await pith(tmp, [...line, '-o', 'TMP/out.txt'])).toMatchObject({
    code: 1,
    err: expect.stringContaining('--force'),
  })
})

test('explain strikes out, says what it costs, and writes a page', async () => {
  const { out, code } = await pith(tmp, [
    'prompt',
    'explain',
    'TMP/ship.txt',
    '-b',
    '10%',
    '-Q',
    'engine',
    '--html',
    'TMP/page.html',
  ])
  expect(code).toBe(0)
  expect(out).toContain('compress')
  const page = readFileSync(join(tmp, 'page.html'), 'utf8')
  expect(page).toContain("default-src 'none'")
  expect(page).toContain('<del title=')
  expect((await pith(tmp, ['prompt', 'explain', 'TMP/ship.txt', '-b', '10%'])).out).toMatch(/\[-[^\]]*Sentence \d+/)
})

test('code of a folder is cut to what is asked', async () => {
  const { out, err, code } = await pith(tmp, [
    'prompt',
    'code',
    'TMP/src',
    '-Q',
    'where is it tried again',
    '-b',
    '45tok',
    '--explain',
  ])
  expect(code).toBe(0)
  expect(out).toContain('// a.ts\nexport function retry(times: number): void {')
  expect(out).not.toContain('nothing(')
  expect(err).toContain('1 files')
  expect(err).toMatch(/whole .* retry/)
})

test('bench says how many answers survive, and how sure that is', async () => {
  const rows = Array.from({ length: 6 }, (_, i) => ({
    question: `When was bridge ${i} built?`,
    answers: [i === 5 ? 'nowhere to be found' : `19${i}1`],
    passages: Array.from({ length: 12 }, (_, j) => ({
      title: `Bridge ${j}`,
      text: `People cross bridge ${j} each day, and like it. It was built in 19${j % 10}${j < 10 ? 1 : 2} of stone.`,
    })),
  }))
  writeFileSync(join(tmp, 'rows.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  const { code, bytes } = await pith(tmp, 'prompt bench TMP/rows.jsonl --ratio 4,1 --json')
  const { n, kept, interval } = JSON.parse(bytes.toString('utf8'))
  expect({ code, n, kept }).toEqual({ code: 0, n: 6, kept: { 4: 5 / 6, 1: 5 / 6 } })
  expect(interval[4][0]).toBeLessThan(5 / 6)
  expect(interval[4][1]).toBeLessThanOrEqual(1)
  for (const background of ['none', 'TMP/rows.jsonl', 'TMP/passages.jsonl']) {
    expect((await pith(tmp, `prompt bench TMP/rows.jsonl --ratio 4 --background ${background}`)).out).toMatch(
      /4x +0\.833 +\[0\.\d{3}, [01]\.\d{3}\]/,
    )
  }
})

test.each([
  ['prompt compress TMP/ship.txt', 2, '--budget is missing'],
  ['prompt compress TMP/ship.txt -b 3.2bpw', 2, 'no budget of 3.2bpw'],
  ['prompt compress TMP/ship.txt -b 0.5x', 1, 'PITH_BUDGET'],
  ['prompt compress TMP/none -b 50%', 1, 'PITH_IO'],
  ['prompt compress TMP/bytes.bin -b 50%', 2, 'no text in UTF-8'],
  ['prompt compress TMP/ship.txt -b 50% --protect wood', 2, 'nothing is called wood'],
  ['prompt compress TMP/ship.txt -b 50% --keep (', 2, 'no regular expression'],
  ['prompt compress TMP/ship.txt -b 5tok --keep Sentence', 1, 'PITH_BUDGET'],
  ['prompt compress TMP/ship.txt -b 50% --as passages -Q x', 2, 'line 1 is no passage'],
  ['prompt compress TMP/ship.txt -b 50% --as json', 2, 'the text is no JSON'],
  ['prompt code TMP/src -b 50%', 2, '--question is missing'],
  ['prompt code TMP/src/node_modules/none -Q x -b 50%', 1, 'PITH_IO'],
  ['prompt retrieve aaaaaa --map TMP/ship.txt --text TMP/ship.txt', 1, 'PITH_CORRUPT'],
  ['prompt bench TMP/passages.jsonl', 2, 'line 1 is no row'],
  ['prompt bench TMP/rows.jsonl --ratio 0.5', 2, 'a ratio must be'],
  ['prompt proxy', 2, '--upstream is missing'],
  ['prompt proxy --upstream ftp://x', 2, 'no http address'],
])('%s is refused', async (line, code, says) => {
  expect(await pith(tmp, line)).toMatchObject({ code, out: '', err: expect.stringContaining(says) })
})
