import { type Arguments, type CommandContext, concatBytes, PithError } from '@pith/core'
import { inputSource } from '@pith/core/node'
import { parseCount } from '../command/sizes.ts'
import { parseTime } from '../command/times.ts'

/** What to look for, as compressed logs take it too. */
export interface Query {
  /** One character for each byte. */
  patterns: string[]
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
  /** Files, folders, or `-`. */
  readonly files: readonly string[]
  readonly recursive: boolean
  /** Whether lines carry the name of their file; undefined where that depends on how many are searched. */
  readonly names: boolean | undefined
  readonly silent: boolean
}

/** Read the options of grep. @throws PithError `PITH_ARG`; `PITH_IO` a file of patterns that cannot be read */
export async function planGrep(args: Arguments, context: CommandContext): Promise<GrepPlan> {
  const operands = [...args.operands]
  const patterns = await patternsOf(args, operands)
  const count = (name: string): number | undefined => {
    const text = args.value(name)
    return text === undefined ? undefined : parseCount(text, `--${name}`)
  }
  const around = count('context')
  const before = count('before-context') ?? around
  const after = count('after-context') ?? around
  const maxCount = count('max-count')
  const recursive = args.has('recursive')
  const files = operands.length > 0 ? operands : [recursive ? '.' : '-']
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

async function patternsOf(args: Arguments, operands: string[]): Promise<string[]> {
  const given = args.values('regexp').flatMap((text) => bytesAsText(Buffer.from(text)).split('\n'))
  const files = args.values('file')
  for (const path of files) {
    const source = await inputSource(path)
    try {
      const parts: Uint8Array[] = []
      for await (const part of source.stream()) parts.push(part.slice())
      given.push(...linesOf(concatBytes(parts)))
    } finally {
      await source.close()
    }
  }
  if (given.length > 0 || files.length > 0) return given
  const pattern = operands.shift()
  if (pattern === undefined) {
    throw new PithError('PITH_ARG', 'PATTERN is missing', { hint: 'See pith grep --help.' })
  }
  return bytesAsText(Buffer.from(pattern)).split('\n')
}

/** Lines without their ends; a last one that does not end counts, an empty rest does not. */
function linesOf(bytes: Uint8Array): string[] {
  const lines = bytesAsText(bytes).split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines
}

function bytesAsText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
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

function timesOf(args: Arguments, context: CommandContext): Partial<Query> {
  const since = args.value('since')
  const until = args.value('until')
  return {
    ...(since === undefined ? {} : { since: parseTime(since, '--since', context.now()) }),
    ...(until === undefined ? {} : { until: parseTime(until, '--until', context.now()) }),
  }
}

function showOf(args: Arguments): GrepPlan['show'] {
  if (args.has('quiet')) return 'nothing'
  if (args.has('files-without-match')) return 'others'
  if (args.has('files-with-matches')) return 'names'
  if (args.has('count')) return 'count'
  return args.has('only-matching') ? 'matches' : 'lines'
}
