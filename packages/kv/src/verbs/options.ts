/** Options that several verbs of caches take. */
import type { OptionSpec } from '@pith/core'

export const MODEL: readonly OptionSpec[] = [
  { name: 'model', short: 'm', value: 'PATH', completes: 'file', summary: 'a folder or a file of a model' },
  { name: 'tokenizer', value: 'FILE', completes: 'file', summary: 'the tokenizer, if not beside the model' },
  {
    name: 'quant',
    value: 'KIND',
    choices: ['f32', 'q8', 'q4', 'q2'],
    summary: 'weights as f32 (default), q8, q4 or q2',
  },
  { name: 'threads', value: 'N', summary: 'threads to use; default 1' },
]

export const TEXT: readonly OptionSpec[] = [
  { name: 'text', value: 'FILE', completes: 'file', summary: 'the text; - is standard input' },
  { name: 'prompt', value: 'TEXT', summary: 'the text itself' },
]

export const TEXTS: readonly OptionSpec[] = [
  { name: 'text', value: 'FILE', many: true, completes: 'file', summary: 'a text to learn from; may be given often' },
]

export const WINDOW: readonly OptionSpec[] = [
  { name: 'window', value: 'N', summary: 'tokens of a window; default 512, or the context of the model' },
  { name: 'windows', value: 'N', summary: 'windows to take at most' },
]

export const PRESET: OptionSpec = {
  name: 'preset',
  value: 'NAME',
  choices: ['cachegen', 'pca-layer', 'pca'],
  summary: 'how keys and values are coded; default pca',
}

export const PROFILE: OptionSpec = {
  name: 'profile',
  value: 'FILE',
  completes: 'file',
  summary: 'the profile, or a cache that holds it',
}

export const FORCE: OptionSpec = { name: 'force', short: 'f', summary: 'replace a file that exists' }

/** Where a file goes. */
export function out(value: string, summary: string): OptionSpec {
  return { name: 'out', short: 'o', value, completes: 'file', summary }
}
