import { PithError } from '@pith/core'
import { compressPassages } from './passages.ts'
import { compressBy, type Ranker } from './safe/compress.ts'
import { linesOf } from './safe/pieces.ts'
import { rankAny } from './select/any.ts'
import { generalBackground } from './select/background.ts'
import { rankDiff } from './select/diff.ts'
import { rankHtml } from './select/html.ts'
import { rankJson } from './select/json.ts'
import type { TextKind } from './select/kinds.ts'
import { rankLog } from './select/log.ts'
import { rankSentences, rankWords } from './select/prose.ts'
import { rankTurns } from './select/transcript.ts'
import type { Compressed, CompressOptions, Passage, Span } from './types.ts'

/** A line that begins a turn: a name, a colon, a space. */
const TURN = /^([\p{L}\p{N}_ .'-]{1,40}): /u
/** Names that lines of programs begin with. */
const LEVEL = /^(?:trace|debug|info|notice|note|hint|warn|warning|error|err|fatal|critical)$/i
/** A conversation is told from other text by so many turns, of so few names. */
const MIN_TURNS = 20
const TURNS_PER_NAME = 4

/**
 * Cut a text to a budget by what it is.
 *
 * @param options  `kind` says what it is; `auto`, the default, looks. `text` goes by sentences and `words` by words (what is protected
 * stays); `passages` are JSON lines of `title` and `text`, come back as their titles and texts and need a question; the turns of a
 * `transcript` begin with a name and a colon; `log`, `json`, `diff` and `html` are what tools print.
 * @throws PithError `PITH_BUDGET`, `PITH_ARG`
 */
export async function compressText(
  text: string,
  { kind = 'auto', ...options }: CompressOptions & { kind?: TextKind },
): Promise<Compressed> {
  if (kind === 'passages') {
    if (options.query === undefined) throw noQuestion()
    return await compressPassages(readPassages(text), options.query, options)
  }
  return await compressBy(kind === 'auto' && isConversation(text) ? RANKERS.transcript : RANKERS[kind], text, options)
}

const RANKERS: Readonly<Record<Exclude<TextKind, 'passages'>, Ranker>> = {
  auto: rankAny,
  text: async (text, { query = '' }) => rankSentences(text, query, { background: await generalBackground() }),
  words: async (text, { query = '' }) => rankWords(text, query, { background: await generalBackground() }),
  transcript: (text, { query = '', share }) => rankTurns(text, turnsOf(text), query, share),
  log: (text, { query = '' }) => rankLog(text, query),
  json: async (text, { query = '' }) => rankJson(text, query, { background: await generalBackground() }) ?? noJson(),
  diff: (text, { query = '' }) => rankDiff(text, query),
  html: async (text, { query = '' }) => rankHtml(text, query, { background: await generalBackground() }),
}

function noJson(): never {
  throw new PithError('PITH_ARG', 'the text is no JSON', { hint: 'Leave the kind to pith, or name another one.' })
}

/** Whether most lines begin with one of a few names. */
function isConversation(text: string): boolean {
  const names = new Map<string, number>()
  let [turns, lines] = [0, 0]
  for (const { start, end } of linesOf(text)) {
    if (text[start] === '\n') continue
    lines++
    const name = TURN.exec(text.slice(start, Math.min(end, start + 50)))?.[1]
    if (name === undefined || LEVEL.test(name.trim())) continue
    turns++
    names.set(name, (names.get(name) ?? 0) + 1)
  }
  return turns >= MIN_TURNS && turns > lines / 3 && names.size * TURNS_PER_NAME <= turns
}

/** Turns of a conversation; what stands before the first belongs to it. */
function turnsOf(text: string): Span[] {
  const turns: { start: number; end: number }[] = []
  for (const { start, end } of linesOf(text)) {
    const last = turns.at(-1)
    if (last !== undefined && !TURN.test(text.slice(start, Math.min(end, start + 50)))) last.end = end
    else turns.push({ start, end })
  }
  return turns
}

function readPassages(text: string): Passage[] {
  return linesOf(text).flatMap(({ start, end }, i) => {
    const line = text.slice(start, end).trim()
    if (line === '') return []
    let row: unknown
    try {
      row = JSON.parse(line)
    } catch {
      row = undefined
    }
    const { title, text: own } = (row ?? {}) as Record<string, unknown>
    if (typeof own !== 'string') {
      throw new PithError('PITH_ARG', `line ${i + 1} is no passage`, {
        hint: 'Write one JSON object a line: {"title": …, "text": …}.',
      })
    }
    return [typeof title === 'string' ? { title, text: own } : { text: own }]
  })
}

function noQuestion(): PithError {
  return new PithError('PITH_ARG', 'passages cannot be ranked without a question', {
    hint: 'Say what is asked: --question TEXT.',
  })
}
