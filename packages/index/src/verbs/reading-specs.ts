/** The verbs that search and check indexes. */
import type { VerbSpec } from '@pith/core'
import { ENCODER, FORCE, GROUP, INDEX, MEMORY, MODE, out, PARTIAL, WHERE } from './options.ts'

const search: VerbSpec = {
  name: 'index search',
  group: GROUP,
  summary: 'search an index',
  details: [
    'INDEX is a folder, a file, or the http address of a file, of which only what the query needs is fetched.',
    'A query may hold "phrases" and beginnings* of words; words that are not there are taken for those that differ by a letter or two.',
  ],
  operands: [INDEX, { name: 'QUERY', summary: 'words to search for', min: 0, max: Number.POSITIVE_INFINITY }],
  options: [
    { name: 'queries', short: 'q', value: 'FILE', completes: 'file', summary: 'queries from JSONL or TSV; - is stdin' },
    { name: 'count', short: 'k', value: 'N', summary: 'hits of a query; default 10' },
    { name: 'from', value: 'N', summary: 'leave out the first N hits' },
    MODE,
    WHERE,
    { name: 'facets', value: 'LIST', summary: 'fields whose values are counted, such as lang,year' },
    {
      name: 'fusion',
      value: 'NAME',
      choices: ['rrf', 'zsum', 'sparse-first'],
      summary: 'how hybrid joins its lists; default what was tuned, or rrf',
    },
    { name: 'alpha', value: 'X', summary: 'weight of meaning against words in zsum, 0 to 1' },
    { name: 'exact', summary: 'leave no block of sparse vectors out' },
    ...ENCODER,
    { name: 'trec', summary: 'print lines of a TREC run: query Q0 document rank score pith' },
    PARTIAL,
    MEMORY,
  ],
  examples: [
    { line: 'pith index search docs.pith how to prune apple trees', what: 'the ten best' },
    {
      line: "pith index search docs.pith frost --where lang=en --where 'year>=2018' --facets tags",
      what: 'some of them',
    },
    { line: 'pith index search docs.pith -q queries.jsonl -k 100 --trec', what: 'a run for trec_eval' },
  ],
  load: () => import('./search.ts'),
}

const evaluate: VerbSpec = {
  name: 'index eval',
  group: GROUP,
  summary: 'measure how well an index, or a run, answers judged queries',
  details: [
    'With an index: each way of searching that it holds is measured on the queries and judgements of DIR, a BEIR folder. Ways are bm25, dense (vectors as well as the index keeps them), pq (their codes alone), sparse and hybrid.',
    'With a run (lines of TREC) and a file of judgements, it prints what trec_eval 9.0.8 prints.',
  ],
  operands: [
    { name: 'INDEX|RUN', summary: 'an index, or a file of TREC run lines', completes: 'file' },
    { name: 'DIR|QRELS', summary: 'a BEIR folder, or a file of judgements', completes: 'file' },
  ],
  options: [
    {
      name: 'measures',
      value: 'LIST',
      summary: 'such as nDCG@10,R@100,MAP,MRR,P@5; default nDCG@10,R@100 for an index',
    },
    { name: 'split', value: 'NAME', summary: 'which judgements of a BEIR folder; default test' },
    { name: 'per-query', summary: 'figures of each query as well' },
    { name: 'complete', summary: 'queries without an answer count as 0' },
    { name: 'beir', summary: "leave a query's own id out of its answers" },
    {
      name: 'against',
      value: 'RUN',
      completes: 'file',
      summary: 'compare with another run: paired bootstrap of the difference',
    },
    ...ENCODER,
    MEMORY,
  ],
  examples: [
    { line: 'pith index eval scifact.pith scifact/ --json', what: 'nDCG@10 and R@100 of each way of searching' },
    { line: 'pith index eval run.txt qrels.txt', what: 'what trec_eval prints' },
  ],
  load: () => import('./eval.ts'),
}

const info: VerbSpec = {
  name: 'index info',
  group: GROUP,
  summary: 'show what an index holds',
  operands: [INDEX],
  options: [PARTIAL],
  examples: [{ line: 'pith index info docs.pith', what: 'documents, segments, parts and their bytes' }],
  load: () => import('./info.ts'),
}

const verify: VerbSpec = {
  name: 'index verify',
  group: GROUP,
  summary: 'check all checksums of an index, and that its parts agree',
  operands: [INDEX],
  options: [MEMORY],
  examples: [{ line: 'pith index verify docs.pith', what: 'ends with 1 where something is bad' }],
  load: () => import('./verify.ts'),
}

const exportIndex: VerbSpec = {
  name: 'index export',
  group: GROUP,
  summary: 'write an index as one file, its documents, or for another system',
  details: [
    'pith is one file for web servers, jsonl the documents. pgvector and sqlite-vec are SQL with exact vectors, and are tested on real databases.',
    'qdrant is one request a line ({method, path, body}), opensearch lines for _bulk (--mapping prints what makes its index). These two were not tested against a server.',
    'With --query, the request that asks the other system the same is printed instead.',
  ],
  operands: [INDEX],
  options: [
    {
      name: 'to',
      value: 'NAME',
      choices: ['pith', 'jsonl', 'pgvector', 'sqlite-vec', 'qdrant', 'opensearch'],
      summary: 'for what; default pith',
    },
    out('FILE', 'where it goes; - is stdout'),
    { name: 'name', value: 'NAME', summary: 'table, collection or index of the other system; default docs' },
    { name: 'query', value: 'TEXT', summary: 'print the request for this query' },
    ...ENCODER,
    { name: 'mapping', summary: 'print the body that makes the index of opensearch' },
    { name: 'count', short: 'k', value: 'N', summary: 'hits that --query asks for; default 10' },
    FORCE,
    MEMORY,
  ],
  examples: [
    { line: 'pith index export docs.pith -o site/docs.pith', what: 'one file, for a page' },
    { line: 'pith index export docs.pith --to pgvector -o - | psql', what: 'a table in PostgreSQL' },
    { line: 'pith index export docs.pith --to pgvector --query frost', what: 'the SELECT that finds the same' },
  ],
  load: () => import('./export.ts'),
}

const serve: VerbSpec = {
  name: 'index serve',
  group: GROUP,
  summary: 'serve a search page and a JSON API for an index',
  details: [
    'GET / is a page, GET or POST /search answers programs, POST /collections/NAME/points/search takes vectors as Qdrant does (a part of it: filters of match and range).',
    'Only this machine can ask, unless --host says otherwise. What is open to others should stand behind a server that knows who they are.',
  ],
  operands: [INDEX],
  options: [
    { name: 'port', short: 'p', value: 'N', summary: 'default 8091' },
    { name: 'host', value: 'ADDRESS', summary: 'default 127.0.0.1' },
    { name: 'facets', value: 'LIST', summary: 'fields that the page offers to narrow down by, such as lang,year' },
    { name: 'name', value: 'NAME', summary: 'heading of the page; default the name of the index' },
    ...ENCODER,
    PARTIAL,
    MEMORY,
  ],
  examples: [{ line: 'pith index serve docs.pith --facets tags', what: 'open http://127.0.0.1:8091/' }],
  load: () => import('./serve.ts'),
}

/** Verbs that search and check indexes. */
export const readingVerbs: readonly VerbSpec[] = [search, evaluate, info, verify, exportIndex, serve]
