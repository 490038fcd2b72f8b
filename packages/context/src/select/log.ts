import { linesOf } from '../safe/pieces.ts'
import type { Ranking, Span } from '../types.ts'
import { bm25Scores, byScore, localWeights } from './bm25.ts'
import { termsOf } from './terms.ts'

/** By what a line says that something failed, gives a warning, or has to do with trouble; the first that fits counts. */
const TROUBLE: readonly (readonly [score: number, pattern: RegExp])[] = [
  [
    100,
    /\b(?:ERROR|ERR|FATAL|FAIL|FAILED|CRITICAL|CRIT|PANIC|SEVERE|EMERG|ALERT)\b|\b(?:[Ee]rror|[Ff]atal|[Ff]ailed|[Ff]ailure|[Pp]anic|[Ee]xception|Traceback)\b(?: [\w()]{1,24}){0,4}:|\b[A-Z]\w*(?:Error|Exception)\b|\[(?:error|crit|alert|emerg|fatal)\]/,
  ],
  [80, /\bWARN(?:ING)?\b|\b[Ww]arn(?:ing)?\b(?: \w{1,12})?:|\[warn(?:ing)?\]/],
  [
    50,
    /\b(?:errors?|err|fatal|fail|failed|failure|panic|exception|traceback|warn|warning|critical|alert|denied|refused|timeout|timed out|abort|aborted|segfault|killed|cannot|could not|unable|undefined|not found|no such)\b|^\s*(?:at |File "|E\s{2,}|✗|×)/i,
  ],
]
/** Lines of more characters tell less of trouble for what they cost. */
const LONG_LINE = 400

/** What begins the line of a log: a time, a date, a level. */
const LOG_LINE =
  /^[[<(]?(?:\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d|\d{2}\/\w{3}\/\d{4}|[A-Z][a-z]{2} +\d{1,2} \d\d:|\d{6,}|(?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\b)|^.{0,80}?(?:\b\d\d:\d\d:\d\d\b|\b(?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\b)/
const VARIABLE = /0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\d+/gi

/** Whether a text is mostly lines of a log. */
export function isLog(text: string, lines: readonly Span[]): boolean {
  if (lines.length < 8) return false
  const sample = lines.slice(0, 200)
  return (
    sample.filter(({ start, end }) => LOG_LINE.test(text.slice(start, Math.min(end, start + 100)))).length >
    0.5 * sample.length
  )
}

/**
 * Rank the lines of a log or of what a program printed: lines that tell of trouble first, then what is asked for, then lines the like of
 * which are rare; of lines that differ in numbers only the first and the last count most.
 */
export function rankLog(text: string, query: string, lines: readonly Span[] = linesOf(text)): Ranking {
  const own = lines.map(({ start, end }) => text.slice(start, end))
  const terms = own.map((line) => termsOf(line))
  const asked = bm25Scores(termsOf(query), terms, localWeights(terms))
  const shapes = own.map((line) => line.replace(VARIABLE, '#'))
  const counts = new Map<string, number>()
  for (const shape of shapes) counts.set(shape, (counts.get(shape) ?? 0) + 1)
  const last = new Map(shapes.map((shape, i) => [shape, i]))
  const seen = new Set<string>()
  const scores = shapes.map((shape, i) => {
    const isFirst = !seen.has(shape)
    seen.add(shape)
    const rarity = Math.log(lines.length / (counts.get(shape) as number)) / Math.log(lines.length + 1)
    const isEdge = isFirst || last.get(shape) === i
    const trouble = troubleOf(own[i] as string) * (isEdge ? 1 : 0.2)
    return (
      trouble +
      (asked[i] as number) +
      (isEdge ? 1 + rarity : 0.2 * rarity) +
      ((own[i] as string).trim() === '' ? -50 : 0)
    )
  })
  return { scorer: 'log', pieces: lines, groups: byScore(scores).map((line) => [line]) }
}

function troubleOf(line: string): number {
  const found = TROUBLE.find(([, pattern]) => pattern.test(line))?.[0] ?? 0
  return found * Math.min(1, LONG_LINE / line.length)
}
