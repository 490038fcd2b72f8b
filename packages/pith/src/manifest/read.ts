import type { OptionSpec, VerbSpec } from '@pith/core'
import { ENTRY_OPTION, LIMIT_OPTION, MEMORY_OPTION, THREADS_OPTION } from './shared-options.ts'

const TIME_OPTIONS: readonly OptionSpec[] = [
  { name: 'since', value: 'TIME', summary: 'only lines at or after TIME: 2024-05-01, 2024-05-01T10:00, or 2h (ago)' },
  { name: 'until', value: 'TIME', summary: 'only lines at or before TIME' },
]

const grep: VerbSpec = {
  name: 'grep',
  group: 'Read',
  summary: 'search compressed logs, archives and plain files for lines',
  details: [
    'Prints the lines that match, as GNU grep -a -E does in the C locale: patterns and lines are bytes, -i folds ASCII letters. Of compressed logs it decodes only the parts that can hold a match.',
    'Times are compared as the log shows them; where its lines have no year, only month, day and clock count.',
    'In an archive every entry is searched; its lines are marked FILE:ENTRY. Without FILE it reads stdin, or with -r the current folder.',
  ],
  operands: [
    { name: 'PATTERN', summary: 'an extended regular expression, unless -e or -f give one', min: 0 },
    { name: 'FILE', summary: 'files, and with -r folders', min: 0, max: Number.POSITIVE_INFINITY, completes: 'file' },
  ],
  options: [
    { name: 'ignore-case', short: 'i', summary: 'ASCII letters match in both cases' },
    { name: 'invert-match', short: 'v', summary: 'the lines that do not match' },
    { name: 'word-regexp', short: 'w', summary: 'the match must be a whole word' },
    { name: 'line-regexp', short: 'x', summary: 'the match must be the whole line' },
    { name: 'count', short: 'c', summary: 'only the number of lines' },
    { name: 'line-number', short: 'n', summary: 'the number of each line before it' },
    { name: 'files-with-matches', short: 'l', summary: 'only the names of files with a match' },
    { name: 'files-without-match', short: 'L', summary: 'only the names of files without one' },
    { name: 'only-matching', short: 'o', summary: 'only what matched, each match on its own line' },
    { name: 'regexp', short: 'e', value: 'PATTERN', many: true, summary: 'a pattern; may be given several times' },
    {
      name: 'file',
      short: 'f',
      value: 'FILE',
      many: true,
      completes: 'file',
      summary: 'patterns from FILE, one a line',
    },
    { name: 'extended-regexp', short: 'E', summary: 'extended regular expressions (the default)' },
    { name: 'fixed-strings', short: 'F', summary: 'patterns are plain text' },
    { name: 'recursive', short: 'r', summary: 'all files of folders' },
    { name: 'max-count', short: 'm', value: 'N', summary: 'stop after N lines of each file' },
    { name: 'after-context', short: 'A', value: 'N', summary: 'N lines after each match as well' },
    { name: 'before-context', short: 'B', value: 'N', summary: 'N lines before each match as well' },
    { name: 'context', short: 'C', value: 'N', digits: true, summary: 'N lines on both sides as well; -N is the same' },
    { name: 'with-filename', short: 'H', summary: 'the file name before each line' },
    { name: 'no-filename', short: 'h', summary: 'no file names' },
    { name: 'quiet', short: 'q', summary: 'print nothing; exit 0 at the first match' },
    { name: 'no-messages', short: 's', summary: 'say nothing about files that cannot be read' },
    ...TIME_OPTIONS,
    LIMIT_OPTION,
    MEMORY_OPTION,
    THREADS_OPTION,
  ],
  examples: [
    { line: 'pith grep ERROR app.log.pith', what: 'lines with ERROR' },
    { line: "pith grep -c -i 'time ?out' *.pith", what: 'how many lines of each file' },
    {
      line: 'pith grep -F 10.0.0.17 -C 3 --since 2h app.log.pith',
      what: 'the last two hours, with three lines around',
    },
    { line: 'pith grep -r -l OutOfMemory /var/log/archive', what: 'which files of a folder' },
  ],
  exits: [
    [0, 'a line matched'],
    [1, 'none did'],
    [2, 'bad usage, or a file or a part of one could not be read'],
    [130, 'interrupted'],
  ],
  load: () => import('../verbs/grep.ts'),
}

const cat: VerbSpec = {
  name: 'cat',
  plain: true,
  group: 'Read',
  summary: 'print lines of a compressed file',
  details: [
    'Prints what FILE holds, or only some of its lines, decoding no more than it must. What is damaged is left out and named on standard error.',
  ],
  operands: [{ name: 'FILE', summary: '.pith files', max: Number.POSITIVE_INFINITY, completes: 'file' }],
  options: [
    { name: 'lines', short: 'n', value: 'A-B', summary: 'only lines A to B, from 1; A- and -B leave an end open' },
    ENTRY_OPTION,
    LIMIT_OPTION,
    MEMORY_OPTION,
    THREADS_OPTION,
  ],
  examples: [
    { line: 'pith cat app.log.pith | head', what: 'the first lines' },
    { line: 'pith cat --lines 1000-1100 app.log.pith', what: 'a hundred lines from the middle' },
  ],
  exits: [
    [0, 'done'],
    [1, 'failed'],
    [2, 'bad usage, or parts are damaged and missing'],
    [130, 'interrupted'],
  ],
  load: () => import('../verbs/cat.ts'),
}

const templates: VerbSpec = {
  name: 'templates',
  group: 'Read',
  summary: 'list the kinds of lines in a compressed log',
  details: [
    'Each kind of line, the most frequent first: how often it occurs, when first and last, and its text with <num>, <ts>, <str> and <word> where lines differ.',
  ],
  operands: [{ name: 'FILE', summary: 'a .pith file that holds a log', completes: 'file' }],
  options: [ENTRY_OPTION, { name: 'top', value: 'N', summary: 'only the N most frequent' }],
  examples: [
    { line: 'pith templates app.log.pith | head', what: 'what this log mostly says' },
    { line: 'pith templates --json app.log.pith', what: 'the same for programs' },
  ],
  exits: [
    [0, 'done'],
    [1, 'failed'],
    [2, 'bad usage, or parts are damaged and missing'],
    [130, 'interrupted'],
  ],
  load: () => import('../verbs/templates.ts'),
}

export const READ_VERBS: readonly VerbSpec[] = [grep, cat, templates]
