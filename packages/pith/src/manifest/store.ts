import type { VerbSpec } from '@pith/core'
import {
  ENTRY_OPTION,
  FORCE_OPTION,
  LIMIT_OPTION,
  MEMORY_OPTION,
  OUTPUT_OPTION,
  THREADS_OPTION,
} from './shared-options.ts'

const LEVELS = ['fast', 'default', 'max'] as const

const compress: VerbSpec = {
  name: 'compress',
  group: 'Store',
  summary: 'make files and folders small',
  details: [
    'Makes one .pith file of PATH: a file, several, a folder, or stdin as -. The format is detected from the content: logs go to logzip, what nothing else claims to a general codec. Files come back byte for byte.',
    'The output is NAME.pith beside the input, and appears only when it is whole. Of stdin it goes to stdout.',
    'A single log that is packed as .gz or .zst is unpacked first, so that pith sees the text; decompressing then gives the log, not the .gz. What is damaged, or carries bytes behind its end, is kept as it is.',
    'Levels: fast for much data, default, and max for archives that are read rarely (it decompresses as slowly as it compresses).',
  ],
  operands: [
    { name: 'PATH', summary: 'files and folders; - is stdin', max: Number.POSITIVE_INFINITY, completes: 'file' },
  ],
  options: [
    OUTPUT_OPTION,
    { name: 'method', short: 'm', value: 'ID', summary: 'use this codec instead of the one detected' },
    { name: 'level', short: 'l', value: 'LEVEL', choices: LEVELS, summary: 'effort: fast, default or max' },
    { name: 'budget', short: 'b', value: 'BUDGET', summary: 'what a lossy codec may spend, such as 50%, 4x or 800MB' },
    { name: 'chunk', value: 'SIZE', summary: 'bytes of input that are coded and read back together' },
    THREADS_OPTION,
    MEMORY_OPTION,
    { name: 'append', short: 'a', summary: 'add to the output, which keeps what it holds' },
    { name: 'flush', value: 'TIME', summary: 'make what came in durable every TIME, such as 5s (one input only)' },
    { name: 'no-unwrap', summary: 'keep a .gz or .zst as it is' },
    { name: 'dry-run', short: 'n', summary: 'only say how small it would get and how long it would take' },
    FORCE_OPTION,
  ],
  examples: [
    { line: 'pith compress app.log', what: 'writes app.log.pith' },
    { line: 'pith compress --level max logs/ -o logs-2024.pith', what: 'a folder as one archive' },
    { line: 'journalctl -f | pith compress - -o journal.pith --flush 5s', what: 'a crash loses five seconds' },
    { line: 'pith compress --dry-run app.log', what: 'how small, how long' },
  ],
  load: () => import('../verbs/compress.ts'),
}

const decompress: VerbSpec = {
  name: 'decompress',
  group: 'Store',
  summary: 'get files and folders back',
  details: [
    'Writes what FILE holds: a single file under the name of FILE without .pith, an archive into the folder of FILE. Every checksum is verified; nothing appears under its name before it is whole.',
    'A damaged file fails; with --keep-going what can be decoded of it is written, what is missing is named, and the exit code is 2.',
  ],
  operands: [{ name: 'FILE', summary: 'a .pith file; - is stdin', completes: 'file' }],
  options: [
    { ...OUTPUT_OPTION, summary: 'write to the file, or for an archive into the folder, OUT; - is stdout' },
    ENTRY_OPTION,
    { name: 'keep-going', short: 'k', summary: 'leave out what is damaged, and go on behind it' },
    FORCE_OPTION,
    LIMIT_OPTION,
    MEMORY_OPTION,
    THREADS_OPTION,
  ],
  examples: [
    { line: 'pith decompress app.log.pith', what: 'writes app.log' },
    { line: 'pith decompress app.log.pith -o - | less', what: 'to a pipe' },
    { line: 'pith decompress logs.pith --entry logs/web.log -o web.log', what: 'one file of an archive' },
  ],
  exits: [
    [0, 'done'],
    [1, 'failed'],
    [2, 'bad usage, or parts are damaged and missing'],
    [130, 'interrupted'],
  ],
  load: () => import('../verbs/decompress.ts'),
}

const list: VerbSpec = {
  name: 'list',
  group: 'Store',
  summary: 'show what a .pith file holds',
  operands: [{ name: 'FILE', summary: 'a .pith file', completes: 'file' }],
  options: [],
  examples: [
    { line: 'pith list logs.pith', what: 'size, ratio, codec and name of each entry' },
    { line: 'pith list --json logs.pith', what: 'the same for programs' },
  ],
  load: () => import('../verbs/list.ts'),
}

const inspect: VerbSpec = {
  name: 'inspect',
  group: 'Store',
  summary: 'show where the bytes of a .pith file are',
  operands: [{ name: 'FILE', summary: 'a .pith file', completes: 'file' }],
  options: [
    ENTRY_OPTION,
    { name: 'html', value: 'OUT', completes: 'file', summary: 'write a page with pictures to OUT' },
    FORCE_OPTION,
  ],
  examples: [
    { line: 'pith inspect app.log.pith', what: 'sections, blocks, and bytes per stream of a log' },
    { line: 'pith inspect --html app.html app.log.pith', what: 'a picture of it' },
  ],
  load: () => import('../verbs/inspect.ts'),
}

const verify: VerbSpec = {
  name: 'verify',
  group: 'Store',
  summary: 'check every checksum and decode everything',
  details: [
    'Reads the whole file, checks the checksum of every chunk, and decodes every entry. A file that was cut, or is being appended to, is reported with its last whole commit and what stands behind it.',
  ],
  operands: [{ name: 'FILE', summary: '.pith files', max: Number.POSITIVE_INFINITY, completes: 'file' }],
  options: [LIMIT_OPTION, MEMORY_OPTION, THREADS_OPTION],
  examples: [{ line: 'pith verify *.pith', what: 'exit code 0 only if all are whole' }],
  load: () => import('../verbs/verify.ts'),
}

const repair: VerbSpec = {
  name: 'repair',
  group: 'Store',
  summary: 'save what can be read of a damaged .pith file',
  details: [
    'Writes a whole file with every block of FILE that can still be read, and says which are lost. FILE itself is left as it is.',
  ],
  operands: [{ name: 'FILE', summary: 'a .pith file', completes: 'file' }],
  options: [{ ...OUTPUT_OPTION, summary: 'write to OUT (default: NAME.repaired.pith)' }, FORCE_OPTION],
  examples: [{ line: 'pith repair broken.pith', what: 'writes broken.repaired.pith' }],
  load: () => import('../verbs/repair.ts'),
}

const repack: VerbSpec = {
  name: 'repack',
  group: 'Store',
  summary: 'write a .pith file anew, as from one go',
  details: [
    'A file that was appended to or flushed often is larger than it needs to be. This decodes it and compresses it again; the old file is replaced when the new one is whole.',
  ],
  operands: [{ name: 'FILE', summary: 'a .pith file', completes: 'file' }],
  options: [
    { ...OUTPUT_OPTION, summary: 'write to OUT instead of replacing FILE' },
    { name: 'level', short: 'l', value: 'LEVEL', choices: LEVELS, summary: 'effort: fast, default or max' },
    { name: 'chunk', value: 'SIZE', summary: 'bytes of input that are coded and read back together' },
    FORCE_OPTION,
    LIMIT_OPTION,
    THREADS_OPTION,
  ],
  examples: [{ line: 'pith repack --level max journal.pith', what: 'smaller, and slower to read' }],
  load: () => import('../verbs/repack.ts'),
}

export const STORE_VERBS: readonly VerbSpec[] = [compress, decompress, list, inspect, verify, repair, repack]
