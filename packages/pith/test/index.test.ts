import { expect, test } from 'vitest'
import { makeFolder, pith } from './host.ts'

const tmp = makeFolder()
const garden = new URL('../../../examples/sample/garden', import.meta.url).pathname

test('help of index eval is exact', async () => {
  expect(await pith(tmp, 'index eval --help')).toMatchObject({
    code: 0,
    err: '',
    out: `Usage: pith index eval [OPTIONS] INDEX|RUN DIR|QRELS

Measure how well an index, or a run, answers judged queries.

With an index: each way of searching that it holds is measured on the queries
and judgements of DIR, a BEIR folder. Ways are bm25, dense (vectors as well as
the index keeps them), pq (their codes alone), sparse and hybrid.

With a run (lines of TREC) and a file of judgements, it prints what trec_eval
9.0.8 prints.

Operands:
  INDEX|RUN            an index, or a file of TREC run lines
  DIR|QRELS            a BEIR folder, or a file of judgements

Options:
      --measures LIST  such as nDCG@10,R@100,MAP,MRR,P@5; default nDCG@10,R@100
                       for an index
      --split NAME     which judgements of a BEIR folder; default test
      --per-query      figures of each query as well
      --complete       queries without an answer count as 0
      --beir           leave a query's own id out of its answers
      --against RUN    compare with another run: paired bootstrap of the
                       difference
      --memory SIZE    keep at most about SIZE bytes of the index in memory,
                       such as 512MB
      --json           print one machine-readable report on stdout
  -q, --quiet          say nothing but errors
      --debug          print the stack of an error
  -h, --help           print help for this verb

Examples:
  pith index eval scifact.pith scifact/ --json
      nDCG@10 and R@100 of each way of searching
  pith index eval run.txt qrels.txt
      what trec_eval prints

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
