/** The verbs that make and change indexes. */
import type { VerbSpec } from '@pith/core'
import { ENCODER, FORCE, GROUP, INDEX, INPUT, MEMORY, out, READING, SEED, THREADS, WHERE } from './options.ts'

const build: VerbSpec = {
  name: 'index build',
  group: GROUP,
  summary: 'make an index of documents',
  details: [
    'Takes folders of Markdown, HTML and text, JSONL, CSV, TSV, Parquet, BEIR folders, TREC and SMART files. Long texts of folders are cut at headings into parts of 200 to 400 words.',
    'By default words are indexed (BM25, English stems), and an encoder is learned from the documents (LSA), whose vectors are kept in a 32nd of their size; both are searched together.',
    'With --encoder, or vectors that come with the documents, these take the place of LSA. The index keeps the name of the encoder, and refuses another one: give the same options to add, search, eval and serve.',
    'The index is a folder, which can be added to; with --single it is one file, which a page reads over HTTP. Nothing stands at the output before it is whole.',
  ],
  operands: [INPUT],
  options: [
    out('INDEX', 'where the index goes'),
    ...READING,
    {
      name: 'dense',
      value: 'ENCODER',
      choices: ['lsa', 'field', 'none'],
      summary: 'where vectors come from; default the field, or lsa for 64 documents and more',
    },
    ...ENCODER,
    {
      name: 'metric',
      value: 'NAME',
      choices: ['cos', 'ip', 'l2'],
      summary: 'how alike vectors are; default cos, or ip for a field of several lengths',
    },
    { name: 'dim', value: 'N', summary: 'numbers of a vector that LSA learns; default 256' },
    { name: 'codes', value: 'NAME', choices: ['pq', 'pq4', 'none'], summary: 'product-quantised codes; default pq' },
    { name: 'ratio', value: 'N', summary: 'how many times smaller codes are than vectors; default 32' },
    {
      name: 'keep',
      value: 'TYPE',
      choices: ['f32', 'f16', 'int8', 'none'],
      summary: 'vectors behind the codes, which order the best again; default int8',
    },
    {
      name: 'sparse',
      value: 'NAME',
      choices: ['field', 'none'],
      summary: 'learned-sparse vectors; default field where there is one',
    },
    { name: 'stem', value: 'NAME', choices: ['porter2', 'none'], summary: 'stems of words: English, or none' },
    { name: 'stop', value: 'NAME', choices: ['english', 'none'], summary: 'words that say little: English, or none' },
    { name: 'single', summary: 'one file instead of a folder' },
    FORCE,
    SEED,
    THREADS,
    MEMORY,
  ],
  examples: [
    { line: 'pith index build docs/ -o docs.pith', what: 'a folder of Markdown' },
    { line: 'pith index build papers.csv --text-field abstract -o papers.pith', what: 'a table' },
    { line: 'pith index build scifact/ -o scifact.pith', what: 'a BEIR folder' },
    { line: 'pith index build docs/ -o docs.pith --single', what: 'one file, for a web server' },
  ],
  load: () => import('./build.ts'),
}

const add: VerbSpec = {
  name: 'index add',
  group: GROUP,
  summary: 'add documents to an index, or replace those of the same ids',
  details: [
    'What was added is found at once, and is there after a crash. Vectors come from the encoder that the index was made with.',
  ],
  operands: [INDEX, INPUT],
  options: [...READING, ...ENCODER, MEMORY],
  examples: [{ line: 'pith index add docs.pith docs/new/', what: 'a folder of files' }],
  load: () => import('./add.ts'),
}

const remove: VerbSpec = {
  name: 'index delete',
  group: GROUP,
  summary: 'delete documents of an index',
  operands: [
    INDEX,
    {
      name: 'ID',
      summary: 'ids of documents; - reads them from stdin, one a line',
      min: 0,
      max: Number.POSITIVE_INFINITY,
    },
  ],
  options: [{ ...WHERE, summary: 'delete all documents with lang=de, year<2020, tags=a, or as JSON' }],
  examples: [
    { line: 'pith index delete docs.pith guide.md', what: 'one document' },
    { line: "pith index delete docs.pith --where 'year<2020'", what: 'many' },
  ],
  load: () => import('./delete.ts'),
}

const merge: VerbSpec = {
  name: 'index merge',
  group: GROUP,
  summary: 'join the segments of an index, and leave out what was deleted',
  operands: [INDEX],
  options: [THREADS, MEMORY],
  examples: [{ line: 'pith index merge docs.pith', what: 'smaller, and faster to search' }],
  load: () => import('./merge.ts'),
}

const tune: VerbSpec = {
  name: 'index tune',
  group: GROUP,
  summary: 'choose how words and meaning are joined, by judged queries',
  details: [
    'Tries joining by rank, by standard scores with eleven weights, and meaning over the best that words find. What is best is chosen on four fifths of the queries and measured on the last one, five times over; the difference to what the index does now is given with a 95 % interval.',
    'An index that would become worse is left as it is, unless --force. Judge the result on other queries than those that it was tuned on.',
  ],
  operands: [INDEX, { name: 'DIR', summary: 'a folder with queries and judgements', completes: 'folder' }],
  options: [
    { name: 'split', value: 'NAME', summary: 'which judgements of a BEIR folder; default dev, else train, else test' },
    { name: 'measure', value: 'NAME', summary: 'what is to be best; default nDCG@10' },
    { name: 'dry-run', short: 'n', summary: 'only say what would be chosen' },
    ...ENCODER,
    { ...FORCE, summary: 'take the choice even if it measures worse' },
    SEED,
    MEMORY,
  ],
  examples: [
    { line: 'pith index tune docs.pith judged/ --split dev', what: 'then: pith index eval docs.pith judged/' },
  ],
  load: () => import('./tune.ts'),
}

const adapt: VerbSpec = {
  name: 'index adapt',
  group: GROUP,
  summary: 'train codes of meaning on the documents themselves, without labels',
  details: [
    'Queries are made of the documents, a teacher says how well documents answer them, and the codes and the side of queries learn it (GPL; with genq only that documents answer their own queries). Queries that were held out decide, or judged ones with --judged.',
    'An index is only replaced where the 95 % interval of the gain in nDCG@10 is above 0; the control, vectors in full precision behind the same trained layer, is always shown. --force writes it anyway.',
    'jpq trains the codes of the index; bpr trains a layer whose signs stand beside them and are searched by --mode hash.',
  ],
  operands: [INDEX],
  options: [
    out('INDEX', 'where the adapted index goes; default it takes the place of the old one'),
    { name: 'method', value: 'NAME', choices: ['gpl', 'genq'], summary: 'default gpl' },
    { name: 'model', value: 'NAME', choices: ['jpq', 'bpr'], summary: 'default jpq' },
    { name: 'generator', value: 'MODEL', summary: 'what writes queries: builtin (default) or openai:URL#MODEL' },
    {
      name: 'teacher',
      value: 'MODEL',
      summary: 'what judges: builtin (default), onnx:FOLDER of a cross-encoder, or openai:URL#MODEL',
    },
    { name: 'queries-per-doc', value: 'N', summary: 'queries that are made of a document; default 3' },
    { name: 'queries', value: 'N', summary: 'queries in all at most; default 12,000' },
    ...ENCODER,
    { name: 'judged', value: 'DIR', completes: 'folder', summary: 'decide by judged queries instead of made ones' },
    { name: 'split', value: 'NAME', summary: 'which judgements of a BEIR folder; default dev, else train, else test' },
    { ...FORCE, summary: 'write it even if it measures worse, and replace what stands at the output' },
    SEED,
    THREADS,
    MEMORY,
  ],
  examples: [
    { line: 'pith index adapt docs.pith -o adapted.pith', what: 'says what it gained, or why it was refused' },
  ],
  load: () => import('./adapt.ts'),
}

/** Verbs that make and change indexes. */
export const makingVerbs: readonly VerbSpec[] = [build, add, remove, merge, tune, adapt]
