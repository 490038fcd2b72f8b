import { expect, test } from 'vitest'
import { makeFolder, pith } from './host.ts'

const tmp = makeFolder()
const garden = new URL('../../../examples/sample/garden', import.meta.url).pathname

test('help of index delete is exact', async () => {
  expect(await pith(tmp, 'index delete --help')).toMatchObject({
    code: 0,
    err: '',
    out: `Usage: pith index delete [OPTIONS] INDEX [ID...]

Delete documents of an index.

Operands:
  INDEX                  an index: a folder, or a single file
  ID                     ids of documents; - reads them from stdin, one a line

Options:
  -w, --where CONDITION  delete all documents with lang=de, year<2020, tags=a,
                         or as JSON
      --json             print one machine-readable report on stdout
  -q, --quiet            say nothing but errors
      --debug            print the stack of an error
  -h, --help             print help for this verb

Examples:
  pith index delete docs.pith guide.md
      one document
  pith index delete docs.pith --where 'year<2020'
      many

Exit codes: 0 done, 1 failed, 2 bad usage, 130 interrupted.
`,
  })
})

test('from a folder of Markdown to answers', async () => {
  expect(await pith(tmp, `index build ${garden} -o TMP/g.pith`)).toMatchObject({
    code: 0,
    err: '',
    out: expect.stringMatching(/^TMP\/g\.pith: 10 documents, [\d.]+ kB, TIME\n$/),
  })
  expect(await pith(tmp, 'index search TMP/g.pith wild bees -k 1')).toMatchObject({
    code: 0,
    err: 'pith: 1 of 10 in TIME\n',
    out: expect.stringMatching(
      /^ {2}1\. [\d.]+ {2}bees\.md#a-garden-for-wild-bees {2}A garden for wild bees\n {5}Most wild bees/,
    ),
  })
  const { out } = await pith(tmp, 'index search --json TMP/g.pith zebra')
  expect(JSON.parse(out.replace(/"ms":TIME\S*?,/, ''))).toMatchObject({ ok: true, query: 'zebra', hits: [] })
})

test.each([
  ['index build TMP/none -o TMP/x.pith', 1, 'PITH_IO'],
  ['index build TMP', 2, '--output is missing'],
  ['index build -o TMP/x.pith', 2, 'PATH is missing'],
  ['index search TMP/none.pith x', 1, 'does not exist'],
  ['index search TMP/g.pith', 2, 'give a query'],
  ['index search TMP/g.pith x --mode magic', 2, 'magic'],
  ['index search TMP/g.pith x --where ?', 2, '--where'],
  ['index export TMP/g.pith --to excel -o x', 2, 'excel'],
  ['index find', 2, 'index'],
])('%s is refused', async (line, code, says) => {
  expect(await pith(tmp, line)).toMatchObject({ code, out: '', err: expect.stringContaining(says) })
})
