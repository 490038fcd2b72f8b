/** Options that verbs of prompts share. */
import type { OperandSpec, OptionSpec } from '@pith/core'
import { PROTECT_KINDS } from '../safe/protect.ts'
import { TEXT_KINDS } from '../select/kinds.ts'

export const TEXT_FILE: OperandSpec = { name: 'FILE', summary: 'the text; - is standard input', completes: 'file' }

export const BUDGET: OptionSpec = {
  ...{ name: 'budget', short: 'b', value: 'BUDGET' },
  summary: "what may stay: '2000tok', '50%' or '4x'; counted in tokens",
}

export const QUESTION: OptionSpec = {
  name: 'question',
  short: 'Q',
  value: 'TEXT',
  summary: 'what the text is read for',
}

export const TEXT_OPTIONS: readonly OptionSpec[] = [
  BUDGET,
  QUESTION,
  {
    ...{ name: 'as', value: 'KIND', choices: [...TEXT_KINDS] },
    summary:
      'auto (default), text (by sentences), words, passages (JSON lines of title and text), transcript (NAME: what was said), log, json, diff, html',
  },
  {
    ...{ name: 'joiner', value: 'KIND', choices: ['none', 'ellipsis', 'marker'] },
    summary: 'what stands for a gap: none (default), ellipsis, marker',
  },
  { name: 'protect', value: 'LIST', summary: `kinds that are never cut: ${PROTECT_KINDS.join(', ')}; default all` },
  { name: 'keep', value: 'REGEX', many: true, summary: 'what matches stays whatever the budget' },
  { name: 'keep-protected', summary: 'go above the budget where what is protected alone does' },
]

export const CLASSIFIER: OptionSpec = {
  ...{ name: 'model', short: 'm', value: 'DIR', completes: 'folder' as const },
  summary: 'rank words by this classifier of tokens (LLMLingua-2) instead',
}

export const MAP: OptionSpec = {
  ...{ name: 'map', value: 'FILE.json', completes: 'file' as const },
  summary: 'where it stands which slices are left, and ids of the others; no text is in it',
}

export const OUT: OptionSpec = {
  name: 'output',
  short: 'o',
  value: 'FILE',
  completes: 'file',
  summary: 'write there; default standard output',
}
export const FORCE: OptionSpec = { name: 'force', short: 'f', summary: 'overwrite what is there' }
