import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type ByteSource, isPithError } from '@pith/core'
import { Tensor } from '@pith/engine'
import { writeNpy, writeSafetensors } from '@pith/engine/io'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { IndexDocument } from '../types.ts'
import { detectFormat } from './collection.ts'
import { readJsonLines } from './json-lines.ts'
import { openCollection } from './node/index.ts'
import { asQueries } from './rows.ts'
import { readSmart } from './smart.ts'
import { readTable } from './table.ts'
import { readTopics, readTrec } from './trec.ts'
import { openVectors, vectorDocuments, withVectors } from './vector-files.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

async function* none(): AsyncGenerator<never, void, undefined> {}

async function* inSteps(data: Uint8Array, step: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < data.length; at += step) yield data.subarray(at, at + step)
}

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pith-readers-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function write(files: Readonly<Record<string, string | Uint8Array>>): string {
  const own = mkdtempSync(join(folder, 'c-'))
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(own, path)), { recursive: true })
    writeFileSync(join(own, path), content)
  }
  return own
}

test('JSON lines become documents with fields, vectors and sparse vectors', async () => {
  const text = [
    '{"_id":"a","title":"T","text":"x","year":2020,"open":true,"tags":["u","v"],"meta":{"lang":"de","none":null},"vector":[1,2.5]}',
    '',
    '{"_id":7,"text":"y","vector":[3,4],"sparse":{"foo":0.5,"__proto__":1}}\r',
    '{"_id":"c","title":"","sparse":{"indices":[3,1],"values":[1,2]}}',
  ].join('\n')
  expect(await all(readJsonLines(bytes(text)))).toEqual([
    {
      id: 'a',
      title: 'T',
      text: 'x',
      fields: { year: 2020, open: true, tags: ['u', 'v'], 'meta.lang': 'de' },
      vector: Float32Array.of(1, 2.5),
    },
    {
      id: '7',
      text: 'y',
      vector: Float32Array.of(3, 4),
      sparse: Object.fromEntries([
        ['foo', 0.5],
        ['__proto__', 1],
      ]),
    },
    { id: 'c', text: '', sparse: { 3: 1, 1: 2 } },
  ])
})

test('a vector of weights by name is a sparse one, and rows without an id are numbered', async () => {
  const [document] = await all(readJsonLines(bytes('{"content":"x","vector":{"tok":0.5}}')))
  expect(document).toEqual({ id: '0', text: 'x', sparse: { tok: 0.5 } })
  expect(await all(asQueries(readJsonLines(bytes('{"id":"q","title":"t"}'))))).toEqual([{ id: 'q', text: 't' }])
})

test('fields can be named', async () => {
  const text = '{"key":"a","head":"T","abs":"x","body":"y","n":1,"m":{"k":2},"emb":[1]}'
  const options = {
    idField: 'key',
    titleField: 'head',
    textField: ['abs', 'body'],
    vectorField: 'emb',
    fields: ['m.k', 'head'],
  }
  expect(await all(readJsonLines(bytes(text), options))).toEqual([
    { id: 'a', title: 'T', text: 'x\ny', vector: Float32Array.of(1), fields: { 'm.k': 2, head: 'T' } },
  ])
})

test.each([
  ['{"id":"a","text":"x"}\n{"id":', 'PITH_CORRUPT', 'line 2 of f is no JSON'],
  ['[{"id":"a"}]', 'PITH_CORRUPT', 'line 1 of f is no JSON object'],
  ['{"id":"a","text":"x"}\n{"text":"y"}', 'PITH_CORRUPT', 'line 2 of f has no id, which ids are taken from'],
  ['{"id":"a","text":{"x":1}}', 'PITH_CORRUPT', 'line 1 of f has a text that is no text'],
  ['{"id":"a","vector":[1,"2"]}', 'PITH_CORRUPT', 'line 1 of f has a vector that has no number of float32 at place 1'],
  ['{"id":"a","vector":[1e39]}', 'PITH_CORRUPT', 'line 1 of f has a vector that has no number of float32 at place 0'],
  [
    '{"id":"a","vector":[1]}\n{"id":"b","vector":[1,2]}',
    'PITH_CORRUPT',
    'line 2 of f has a vector that has 2 numbers, those before it 1',
  ],
  ['{"id":"a","vector":[]}', 'PITH_CORRUPT', 'line 1 of f has a vector that has 0 numbers'],
  [
    '{"id":"a","sparse":{"t":-1}}',
    'PITH_CORRUPT',
    'line 1 of f has a sparse that has a weight of "t" that is no number above 0',
  ],
  [
    '{"id":"a","sparse":{"indices":[1,1],"values":[1,2]}}',
    'PITH_CORRUPT',
    'line 1 of f has a sparse that has an index twice',
  ],
  [
    '{"id":"a","sparse":{"indices":[1],"values":[]}}',
    'PITH_CORRUPT',
    'line 1 of f has a sparse that has 1 indices and 0 values',
  ],
  ['{"id":"a","url":"x"}', 'PITH_ARG', 'no field of f is known to be its text'],
])('JSON lines %s are refused', async (text, code, message) => {
  await expect(all(readJsonLines(bytes(text), { name: 'f' }))).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message),
  })
})

test('a row with too many fields is refused, and deep objects are left out', async () => {
  const many = JSON.stringify({
    text: 'x',
    ...Object.fromEntries(Array.from({ length: 1025 }, (_, i) => [`f${i}`, i])),
  })
  await expect(all(readJsonLines(bytes(many)))).rejects.toThrow('more than 1024 fields')
  const deep = '{"text":"x","a":'.concat('{"a":'.repeat(5000), '1', '}'.repeat(5000), '}')
  expect(await all(readJsonLines(bytes(deep)))).toEqual([{ id: '0', text: 'x' }])
})

test('tables are read with quotes, new lines in cells and values by their form', async () => {
  const text = '\ufeffid;text;year;open;note\r\n007;"a ""b""\r\nc;d";2020;true;\r\n\r\n8; x ;02;false;"1"'
  expect(await all(readTable(bytes(text)))).toEqual([
    { id: '007', text: 'a "b"\r\nc;d', fields: { year: 2020, open: true } },
    { id: '8', text: ' x ', fields: { year: '02', open: false, note: 1 } },
  ])
  const rows = await all(readTable(bytes('1\t"Hi" she said\n2\tx'), { columns: ['id', 'text'] }))
  expect(rows).toEqual([
    { id: '1', text: '"Hi" she said' },
    { id: '2', text: 'x' },
  ])
  expect(await all(readTable(bytes('id,text,vector\na,b,"[1,2]"\n')))).toEqual([
    { id: 'a', text: 'b', vector: Float32Array.of(1, 2) },
  ])
})

test.each([
  ['id,text\na', 'PITH_CORRUPT', 'line 2 of f has 1 cells, the heading has 2'],
  ['id,text\n\na,"b\nc', 'PITH_CORRUPT', 'line 3 of f opens a quote that is never closed'],
  ['id,text\na,"b"c', 'PITH_CORRUPT', 'line 2 of f has text behind a closing quote'],
  ['id,text,id\n', 'PITH_CORRUPT', 'line 1 of f names the column "id" twice'],
  ['id,text\na,"x\ny"\n,z', 'PITH_CORRUPT', 'line 4 of f has no id'],
  ['a,b\n1,2', 'PITH_ARG', 'no field of f is known to be its text'],
  ['id,text,vector\n1,x,no', 'PITH_CORRUPT', 'line 2 of f has a vector that is no array of numbers'],
  [`id,text\n1,"${'x'.repeat(2 ** 24 + 1)}"`, 'PITH_LIMIT', 'line 2 of f has a cell of more than'],
])('a table with damage is refused by its line', async (text, code, message) => {
  await expect(all(readTable(bytes(text), { name: 'f' }))).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message),
  })
})

test('any table comes back as it was written, whatever the chunks', async () => {
  const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ', 'ä') })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(cell, cell), { maxLength: 8 }),
      fc.integer({ min: 1, max: 7 }),
      async (rows, step) => {
        const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
        const lines = ['id,text,note', ...rows.map(([text, note], i) => `${i},${quoted(text)},${quoted(note)}`)]
        const found = await all(readTable(inSteps(bytes(`${lines.join('\r\n')}\r\n`), step)))
        const wanted = rows.map(([text, note], i) => ({
          id: String(i),
          text,
          ...(note === '' ? {} : { fields: { note } }),
        }))
        expect(found).toEqual(wanted)
      },
    ),
    { numRuns: 80 },
  )
})

const SMART = `.I 1
.T
the ibm   dsd
center
.A
H. S. WHITE
.W
the text .I is
 here
.K
keys
.X
1 5 1
.I 2
.W
second
`

test('SMART records become documents', async () => {
  expect(await all(readSmart(bytes(SMART)))).toEqual([
    {
      id: '1',
      title: 'the ibm dsd center',
      text: 'the text .I is here\nkeys',
      fields: { author: 'H. S. WHITE', keywords: 'keys' },
    },
    { id: '2', text: 'second' },
  ])
  await expect(all(readSmart(bytes('\nx\n.I 1'), { name: 'f' }))).rejects.toThrow(
    'line 2 of f is "x", expected a record',
  )
  await expect(all(readSmart(bytes('.I 1\n.I  \n'), { name: 'f' }))).rejects.toThrow(
    'line 2 of f starts a record without an id',
  )
})

const TREC = `<DOC>
<DOCNO> FT911-3 </DOCNO>
<DATE>910514</DATE>
<HEADLINE>FT  14 MAY &amp; more</HEADLINE>
<TEXT>
<P>First   words</P><P unclosed
one</TEXT>
<TEXT>Second</TEXT>
</DOC><doc><docno>w-1</docno><dochdr>x</dochdr><html><head><title>Page</title><script>no</script></head><body>Seen</body></html></doc>
`

test('TREC documents and topics are read', async () => {
  expect(await all(readTrec(bytes(TREC)))).toEqual([
    { id: 'FT911-3', title: 'FT 14 MAY & more', text: 'First words\nSecond', fields: { date: '910514' } },
    { id: 'w-1', title: 'Page', text: 'Seen' },
  ])
  const topics = '<top>\n<num> Number: 301\n<title> International  crime\n<desc> Description:\nno\n</top>\n'
  expect(await all(readTopics(bytes(topics)))).toEqual([{ id: '301', text: 'International crime' }])
  await expect(all(readTrec(bytes('\n<DOC><DOCNO>a</DOCNO>'), { name: 'f' }))).rejects.toMatchObject({
    code: 'PITH_TRUNCATED',
    message: 'line 2 of f starts a <doc> that does not end',
  })
  await expect(all(readTrec(bytes('<DOC>x</DOC>'), { name: 'f' }))).rejects.toThrow('without a DOCNO')
  await expect(all(readTopics(bytes('<top></top>'), { name: 'f' }))).rejects.toThrow('without a number')
})

test.each<[string, string, (source: ByteSource) => AsyncIterable<IndexDocument>]>([
  [
    'JSON lines',
    '{"id":"a","text":"x","vector":[1,2]}\n{"id":"b","sparse":{"t":1}}\n',
    (source) => readJsonLines(source),
  ],
  ['a table', 'id,text,vector\na,"b ""c""",[1]\r\nd,e,[2]\n', (source) => readTable(source)],
  ['SMART', SMART, (source) => readSmart(source)],
  ['TREC', TREC, (source) => readTrec(source)],
])('%s: damage gives documents or an error of ours, and chunks do not matter', async (_, text, read) => {
  const data = bytes(text)
  const whole = await all(read(data))
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(data.length - 1), fc.nat(255)), { maxLength: 3 }),
      fc.integer({ min: 1, max: 40 }),
      async (damage, step) => {
        const own = data.slice()
        for (const [at, byte] of damage) own[at] = byte
        const outcome = (found: AsyncIterable<IndexDocument>) =>
          all(found).catch((error: unknown) => {
            expect(isPithError(error)).toBe(true)
            return (error as Error).message
          })
        const once = await outcome(read(own))
        if (damage.length === 0) expect(once).toEqual(whole)
        expect(await outcome(read(inSteps(own, step)))).toEqual(once)
      },
    ),
    { numRuns: 60 },
  )
})

test.each(['f32', 'f64', 'f16', 'bf16'] as const)('vectors of %s are read row by row', async (dtype) => {
  const halves = { f16: [0x3c00, 0xc000, 0x3800, 0], bf16: [0x3f80, 0xc000, 0x3f00, 0] }
  const data =
    dtype === 'f32'
      ? Float32Array.of(1, -2, 0.5, 0)
      : dtype === 'f64'
        ? Float64Array.of(1, -2, 0.5, 0)
        : Uint16Array.from(halves[dtype])
  const tensor = new Tensor(data, [2, 2], dtype)
  const wanted = [Float32Array.of(1, -2), Float32Array.of(0.5, 0)]
  const file = writeSafetensors({ other: new Tensor(Float32Array.of(1), [1]), rows: tensor })
  expect(await all((await openVectors(file)).read())).toEqual(wanted)
  if (dtype === 'bf16') return
  const opened = await openVectors(writeNpy(tensor))
  expect(await all(vectorDocuments(opened))).toEqual(wanted.map((vector, i) => ({ id: String(i), text: '', vector })))
})

test('vectors that do not fit are refused', async () => {
  const npy = writeNpy(new Tensor(Float32Array.of(1, 2, Number.NaN, 4), [2, 2]))
  const opened = await openVectors(npy, { name: 'v' })
  await expect(all(opened.read())).rejects.toMatchObject({
    code: 'PITH_NONFINITE',
    message: 'row 2 of v has a number that is no float32',
  })
  await expect(openVectors(npy.subarray(0, -1))).rejects.toMatchObject({ code: 'PITH_TRUNCATED' })
  const documents = async function* () {
    yield { id: 'a', text: '' }
  }
  await expect(all(withVectors(documents(), opened))).rejects.toThrow('there are 2 vectors, and 1 documents')
  await expect(openVectors(writeNpy(new Tensor(Int32Array.of(1, 2), [1, 2])))).rejects.toMatchObject({
    code: 'PITH_DTYPE',
  })
  await expect(openVectors(writeNpy(new Tensor(Float32Array.of(1, 2), [2])))).rejects.toMatchObject({
    code: 'PITH_SHAPE',
  })
  const two = writeSafetensors({ a: new Tensor(Float32Array.of(1), [1, 1]), b: new Tensor(Float32Array.of(2), [1, 1]) })
  await expect(openVectors(two)).rejects.toMatchObject({ code: 'PITH_ARG', hint: 'Name one of a, b.' })
  expect(await all((await openVectors(two, { tensor: 'b' })).read())).toEqual([Float32Array.of(2)])
})

test('a BEIR folder has documents, queries and judgements', async () => {
  const path = write({
    'corpus.jsonl.gz': gzipSync('{"_id":"d1","title":"T","text":"x","metadata":{}}\n'),
    'queries.jsonl': '{"_id":"q1","text":"what"}\n',
    'qrels/test.tsv': 'query-id\tcorpus-id\tscore\nq1\td1\t2\n',
    'qrels/dev.tsv': 'query-id\tcorpus-id\tscore\nq2\td1\t1\n',
  })
  const found = await openCollection(path)
  expect(found.format).toBe('beir')
  expect(await all(found.documents())).toEqual([{ id: 'd1', title: 'T', text: 'x' }])
  expect(await all(found.queries?.() ?? none())).toEqual([{ id: 'q1', text: 'what' }])
  expect(await found.qrels?.()).toEqual(new Map([['q1', new Map([['d1', 2]])]]))
  const dev = await openCollection(path, { split: 'dev' })
  expect([...((await dev.qrels?.()) ?? [])][0]?.[0]).toBe('q2')
  await expect(openCollection(path, { split: 'train' })).rejects.toMatchObject({ code: 'PITH_IO' })
})

test('files of a folder have roles by their names', async () => {
  const path = write({ 'ADI.ALL': SMART, 'ADI.QRY': '.I 1\n.W\nask\n', 'ADI.REL': '1  2  0  0.0\n' })
  const found = await openCollection(path)
  expect([found.format, (await all(found.documents())).length]).toEqual(['smart', 2])
  expect(await all(found.queries?.() ?? none())).toEqual([{ id: '1', text: 'ask' }])
  expect(await found.qrels?.()).toEqual(new Map([['1', new Map([['2', 1]])]]))
  const parts = write({
    'b/2.jsonl': '{"text":"y"}',
    'a.jsonl': '{"text":"x"}\n{"text":"z"}',
    'README.md': '# About',
    '.x.jsonl': '{',
  })
  const texts = (await all((await openCollection(parts)).documents())).map(({ id, text }) => [id, text])
  expect(texts).toEqual([
    ['a.jsonl:0', 'x'],
    ['a.jsonl:1', 'z'],
    ['b/2.jsonl:0', 'y'],
  ])
})

test('a folder of pages gives passages that point back; links out of it are not followed', async () => {
  const path = write({
    'g/a.md': '# Guide\n\nHello.\n',
    'b.html': '<h1 id=top>B</h1><p>There',
    'c.bin': Uint8Array.of(0, 1),
  })
  symlinkSync('/etc', join(path, 'etc'))
  const found = await openCollection(path)
  expect(await all(found.documents())).toEqual([
    { id: 'b.html#top', title: 'B', text: 'There', fields: { path: 'b.html', link: 'b.html#top', heading: 'B' } },
    {
      id: 'g/a.md#guide',
      title: 'Guide',
      text: 'Hello.',
      fields: { path: 'g/a.md', link: 'g/a.md#guide', heading: 'Guide' },
    },
  ])
})

test('vectors beside documents are joined row by row', async () => {
  const path = write({
    'd.jsonl': '{"id":"a","text":"x"}\n{"id":"b","text":"y"}\n',
    'v.npy': writeNpy(new Tensor(Float32Array.of(1, 2), [2, 1])),
  })
  const found = await openCollection(join(path, 'd.jsonl'), { vectors: join(path, 'v.npy') })
  expect((await all(found.documents())).map(({ id, vector }) => [id, vector?.[0]])).toEqual([
    ['a', 1],
    ['b', 2],
  ])
})

test('what is no collection is refused', async () => {
  await expect(openCollection(join(folder, 'gone'))).rejects.toMatchObject({ code: 'PITH_IO' })
  await expect(openCollection(write({}))).rejects.toMatchObject({ code: 'PITH_UNSUPPORTED' })
  await expect(openCollection(join(write({ 'x.bin': 'x' }), 'x.bin'))).rejects.toMatchObject({
    code: 'PITH_UNSUPPORTED',
  })
  const damaged = gzipSync('{"text":"x"}\n'.repeat(99)).subarray(0, -12)
  const cut = await openCollection(join(write({ 'x.jsonl.gz': damaged }), 'x.jsonl.gz'), { format: 'jsonl' })
  await expect(all(cut.documents())).rejects.toMatchObject({ code: 'PITH_CORRUPT' })
})

test('reading is cancelled with the reason, and leaving early closes the file', async () => {
  const path = join(write({ 'd.jsonl': '{"text":"x"}\n'.repeat(100_000) }), 'd.jsonl')
  const found = await openCollection(path)
  const controller = new AbortController()
  const documents = found.documents({ signal: controller.signal })
  await documents.next()
  controller.abort(new Error('enough'))
  await expect(all(documents)).rejects.toThrow('enough')
  for await (const { id } of found.documents()) {
    expect(id).toBe('d.jsonl:0')
    break
  }
})

test('forms are told by first bytes and names', () => {
  const formats = (['a.jsonl', 'a.ndjson.gz', 'a.csv', 'a.tsv', 'a.md', 'a.safetensors', 'a'] as const).map((name) =>
    detectFormat(bytes(''), name),
  )
  expect(formats).toEqual(['jsonl', 'jsonl', 'csv', 'tsv', 'pages', 'safetensors', undefined])
  expect(
    ['PAR1', '.I 1\n', '<DOC>', '{"a":1}', '<?xml version="1"?>\n<doc>'].map((head) => detectFormat(bytes(head), 'a')),
  ).toEqual(['parquet', 'smart', 'trec', 'jsonl', 'trec'])
})
