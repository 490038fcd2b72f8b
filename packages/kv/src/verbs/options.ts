/** Options that several verbs of caches take. */
import type { OptionSpec } from '@pith/core'

export { MODEL, TEXT } from '@pith/lm/manifest'

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
  choices: ['anchor', 'cachegen', 'pca-layer', 'pca'],
  summary: 'how keys and values are coded; default pca, anchor is the paper',
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
