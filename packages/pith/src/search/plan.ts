import { type Arguments, type CommandContext, PithError, readAll } from '@pith/core'
import { parseCount } from '../command/sizes.ts'
import { openInput } from '../input/open-file.ts'
import { parseTimeRange } from '../systems/search.ts'

/** What to look for, as compressed logs take it too. */
export interface Query {
  patterns: Uint8Array[]
  fixed?: boolean
  ignoreCase?: boolean
  invert?: boolean
  word?: boolean
  lineRegexp?: boolean
  /** Milliseconds since 1970 by the clock of the log; the first line that counts. */
  since?: number
  /** The first that does not count any more. */
  until?: number
  maxCount?: number
}

/** What to print of what is found. */
export interface GrepPlan {
  readonly query: Query
  readonly show: 'lines' | 'matches' | 'count' | 'names' | 'others' | 'nothing'
  readonly numbers: boolean
  readonly before: number
  readonly after: number
  /** Whether groups of lines are divided by `--`. */
  readonly divided: boolean
  /** Files, folders, `-` for stdin; an empty name is the current folder. */
  readonly files: readonly string[]
  readonly recursive: boolean
  /** Whether lines carry the name of their file; undefined where that depends on how many are searched. */
  readonly names: boolean | undefined
  readonly silent: boolean
}

const LINE_END = 10

/** Read the options of grep. @throws PithError `PITH_ARG`; `PITH_IO` a file of patterns that cannot be read */
export async function planGrep(args: Arguments, context: CommandContext): Promise<GrepPlan> {
  const operands = [...args.operands]
  const patterns = await patternsOf(args, operands, context)
  const count = (name: string): number | undefined => {
    const text = args.value(name)
    return text === undefined ? undefined : parseCount(text, `--${name}`)
  }
  const around = count('context')
  const before = count('before-context') ?? around
  const after = count('after-context') ?? around
  const maxCount = count('max-count')
  const recursive = args.has('recursive')
  const files = operands.length > 0 ? operands : [recursive ? '' : '-']
  return {
    query: {
      patterns,
      ...queryFlags(args),
      ...timesOf(args, context),
      ...(maxCount === undefined ? {} : { maxCount }),
    },
    show: showOf(args),
    numbers: args.has('line-number'),
    before: before ?? 0,
    after: after ?? 0,
    divided: before !== undefined || after !== undefined,
    files,
    recursive,
    names: args.has('no-filename') ? false : args.has('with-filename') ? true : undefined,
    silent: args.has('no-messages'),
  }
}

async function patternsOf(args: Arguments, operands: string[], context: CommandContext): Promise<Uint8Array[]> {
  const encoder = new TextEncoder()
  const given: Uint8Array[] = args.values('regexp').map((text) => encoder.encode(text))
  const files = args.values('file')
  for (const path of files) given.push(...(await patternsIn(path, context)))
  if (given.length > 0 || files.length > 0) return given
  const pattern = operands.shift()
  if (pattern === undefined) {
    throw new PithError('PITH_ARG', 'PATTERN is missing', { hint: 'See pith grep --help.' })
  }
  return [encoder.encode(pattern)]
}

/** The lines of a file; a last one without an end counts, an empty file has none. */
async function patternsIn(path: string, context: CommandContext): Promise<Uint8Array[]> {
  const source = await openInput(path, context)
  try {
    const bytes = await readAll(source)
    if (bytes.length === 0) return []
    return [bytes[bytes.length - 1] === LINE_END ? bytes.subarray(0, -1) : bytes]
  } finally {
    await source.close()
  }
}

function queryFlags(args: Arguments): Partial<Query> {
  return {
    ...(args.has('fixed-strings') ? { fixed: true } : {}),
    ...(args.has('ignore-case') ? { ignoreCase: true } : {}),
    ...(args.has('invert-match') ? { invert: true } : {}),
    ...(args.has('word-regexp') ? { word: true } : {}),
    ...(args.has('line-regexp') ? { lineRegexp: true } : {}),
  }
}

/** Logs mostly show a local clock and no zone, so a moment is compared by what the clock here shows at it. */
function timesOf(args: Arguments, context: CommandContext): Partial<Query> {
  const { since, until } = parseTimeRange(args.value('since'), args.value('until'), context.now().getTime())
  const shown = ({ ms, zoned }: { ms: number; zoned: boolean }): number =>
    zoned ? ms - new Date(ms).getTimezoneOffset() * 60_000 : ms
  return {
    ...(since === undefined ? {} : { since: shown(since) }),
    ...(until === undefined ? {} : { until: shown(until) }),
  }
}

function showOf(args: Arguments): GrepPlan['show'] {
  if (args.has('quiet')) return 'nothing'
  if (args.has('files-without-match')) return 'others'
  if (args.has('files-with-matches')) return 'names'
  if (args.has('count')) return 'count'
  return args.has('only-matching') ? 'matches' : 'lines'
}
