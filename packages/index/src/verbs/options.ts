/** Options that several verbs of indexes take. */
import type { OperandSpec, OptionSpec } from '@pith/core'

export const GROUP = 'Search'

export const INDEX: OperandSpec = {
  name: 'INDEX',
  summary: 'an index: a folder, or a single file',
  completes: 'file',
}

export const INPUT: OperandSpec = {
  name: 'PATH',
  summary: 'folders and files of documents',
  max: Number.POSITIVE_INFINITY,
  completes: 'file',
}

/** How files become documents. */
export const READING: readonly OptionSpec[] = [
  {
    name: 'format',
    value: 'NAME',
    choices: ['beir', 'jsonl', 'csv', 'tsv', 'parquet', 'smart', 'trec', 'pages', 'npy', 'safetensors'],
    summary: 'what PATH is; default by its name and content',
  },
  { name: 'id-field', value: 'NAME', summary: 'field or column of the id; default id or _id' },
  { name: 'title-field', value: 'NAME', summary: 'field or column of the title; default title' },
  {
    name: 'text-field',
    value: 'NAME',
    many: true,
    summary: 'field or column of the text; default text; several are joined',
  },
  { name: 'vector-field', value: 'NAME', summary: 'field or column of vectors of an encoder of yours' },
  { name: 'sparse-field', value: 'NAME', summary: 'field or column of learned-sparse vectors' },
  {
    name: 'vectors',
    value: 'FILE',
    completes: 'file',
    summary: 'vectors of the documents, one row each: .npy or .safetensors',
  },
]

/** An encoder of the user's own, which an index does not hold: it is named whenever texts are encoded. */
export const ENCODER: readonly OptionSpec[] = [
  {
    name: 'encoder',
    value: 'ENCODER',
    summary: 'encoder of yours: onnx:FOLDER (model.onnx, tokenizer.json) or openai:URL#MODEL',
  },
  { name: 'sparse-encoder', value: 'ENCODER', summary: 'SPLADE model of yours: onnx:FOLDER' },
  { name: 'query-prefix', value: 'TEXT', summary: 'what stands before each query for --encoder' },
  { name: 'document-prefix', value: 'TEXT', summary: 'what stands before each document' },
  { name: 'key-env', value: 'NAME', summary: 'environment variable that holds the key of the server' },
]

export const THREADS: OptionSpec = {
  name: 'threads',
  short: 't',
  value: 'N',
  summary: 'threads to use; default one per CPU; the result is the same',
}

export const MEMORY: OptionSpec = {
  name: 'memory',
  value: 'SIZE',
  summary: 'keep at most about SIZE bytes of the index in memory, such as 512MB',
}

export const SEED: OptionSpec = { name: 'seed', value: 'N', summary: 'seed of what is drawn; default 0' }

export const FORCE: OptionSpec = { name: 'force', short: 'f', summary: 'replace what stands at the output' }

export const PARTIAL: OptionSpec = {
  name: 'allow-partial',
  summary: 'search what can be read of a damaged index',
}

export const MODE: OptionSpec = {
  name: 'mode',
  short: 'm',
  value: 'NAME',
  choices: ['hybrid', 'bm25', 'dense', 'pq', 'hash', 'sparse'],
  summary: 'words and meaning, words, meaning, its codes or signs alone, or learned words; default all together',
}

export const WHERE: OptionSpec = {
  name: 'where',
  short: 'w',
  value: 'CONDITION',
  many: true,
  summary: 'only documents with lang=de, year>=2020, tags=a, or as JSON; all of several must hold',
}

/** Where the result goes. */
export function out(value: string, summary: string): OptionSpec {
  return { name: 'output', short: 'o', value, completes: 'file', summary }
}
