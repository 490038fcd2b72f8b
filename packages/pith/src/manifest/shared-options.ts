import type { OptionSpec } from '@pith/core'

/** Options that every verb has. */
export const COMMON_OPTIONS: readonly OptionSpec[] = [
  { name: 'json', summary: 'print one machine-readable report on stdout' },
  { name: 'quiet', short: 'q', summary: 'say nothing but errors' },
  { name: 'debug', summary: 'print the stack of an error' },
  { name: 'help', short: 'h', summary: 'print help for this verb' },
]

/** Seen where untrusted files are decoded. */
export const LIMIT_OPTION: OptionSpec = {
  name: 'limit',
  value: 'SIZE',
  summary: 'refuse to decode more than SIZE bytes (default 64GiB)',
}

/** Seen where chunks are coded or decoded. */
export const MEMORY_OPTION: OptionSpec = {
  name: 'memory',
  value: 'SIZE',
  summary: 'hold at most about SIZE bytes of data: with fewer threads, or smaller chunks; refuse what needs more',
}

export const OUTPUT_OPTION: OptionSpec = {
  name: 'output',
  short: 'o',
  value: 'OUT',
  completes: 'file',
  summary: 'write to OUT; - is stdout',
}

export const FORCE_OPTION: OptionSpec = {
  name: 'force',
  short: 'f',
  summary: 'replace what stands at the output',
}

export const THREADS_OPTION: OptionSpec = {
  name: 'threads',
  short: 't',
  value: 'N',
  summary: 'use N threads (default: one per CPU); the result is the same',
}

export const ENTRY_OPTION: OptionSpec = {
  name: 'entry',
  value: 'NAME',
  summary: 'only the entry NAME of an archive',
}
