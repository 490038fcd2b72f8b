import { PithError } from '../errors.ts'
import { foldAccents } from './fold.ts'
import { stemEnglish } from './porter2.ts'
import { ENGLISH_STOP_WORDS } from './stop-words.ts'
import { beginsWithSign, scanWords } from './words.ts'

/** How words become terms. */
export interface AnalyzerOptions {
  /** `porter2` (the default) gives English words their stem; other words stay as they are, and so do all with `none`. */
  stem?: 'porter2' | 'none'
  /** `fold` (the default) takes accents off Latin and Greek letters. */
  accents?: 'fold' | 'keep'
  /** Words that are marked as saying little; they keep their place. Default `english`. */
  stop?: 'english' | 'none'
}

/** A word of a text as it is searched. */
export interface Term {
  readonly text: string
  /** Where it stands in the text, in UTF-16 code units. */
  readonly start: number
  readonly end: number
  /** Its number among the words of the text; words that follow each other have numbers that do. */
  readonly position: number
  /** A stop word. */
  readonly stop: boolean
  /** In a query: a single sign of a script without spaces, to be taken for the beginning of a term. */
  readonly partial: boolean
}

/** Texts to terms. The same id always means the same terms, but for letters that a newer Unicode adds. */
export interface Analyzer {
  /** Stored in an index, and enough to make the analyzer again. */
  readonly id: string
  /** Terms of a text. A query has no lone last signs of scripts without spaces. */
  analyze(text: string, kind?: 'document' | 'query'): Term[]
  /** Visit the words of a document as they stand; {@link Analyzer.term} makes a term of each. */
  scan(text: string, visit: (word: string, position: number) => void): number
  term(word: string): string
  /** A word as {@link Analyzer.term} has it, but for its stem: what the beginnings of terms are compared with. */
  plain(word: string): string
  isStop(word: string): boolean
}

const VERSION = 'words1'
const STEMS = ['porter2', 'none'] as const
const ACCENTS = ['fold', 'keep'] as const
const STOPS = ['english', 'none'] as const
/** Terms that are remembered, since stems take longer than looking them up. */
const MEMORY = 1 << 16

/** An analyzer. @throws PithError `PITH_ARG` an option has no such value */
export function makeAnalyzer(options: AnalyzerOptions = {}): Analyzer {
  const { stem = 'porter2', accents = 'fold', stop = 'english' } = options
  for (const [name, value, known] of [
    ['stem', stem, STEMS],
    ['accents', accents, ACCENTS],
    ['stop', stop, STOPS],
  ] as const) {
    if (!(known as readonly string[]).includes(value)) {
      throw new PithError('PITH_ARG', `${name} must be ${known.join(' or ')}, got ${String(value).slice(0, 40)}`)
    }
  }
  let terms = new Map<string, string>()
  const plain = (word: string): string => {
    const text = word.toLowerCase()
    // Most words need nothing of what follows, so they are asked first.
    if (/^[a-z0-9]*$/.test(text)) return text
    if (beginsWithSign(word)) return text.normalize('NFKC')
    const own = text.replace(/[\u2019\uff07]/g, "'")
    return (accents === 'fold' ? foldAccents(own) : own.normalize('NFKC').toLowerCase()).replace(/'s$/, '')
  }
  const term = (word: string): string => {
    let text = terms.get(word)
    if (text === undefined) {
      // A copy: a slice keeps the whole text alive.
      const kept = ` ${word}`.slice(1)
      text = plain(kept)
      if (stem === 'porter2' && /^[a-z']+$/.test(text)) text = stemEnglish(text)
      if (terms.size >= MEMORY) terms = new Map()
      terms.set(kept, text)
    }
    return text
  }
  const isStop = (word: string): boolean =>
    stop === 'english' && ENGLISH_STOP_WORDS.has(word.toLowerCase().replaceAll('\u2019', "'"))
  return {
    id: [VERSION, stem, accents, stop].join(':'),
    term,
    plain,
    isStop,
    scan: (text, visit) => scanWords(text, true, (start, end, position) => visit(text.slice(start, end), position)),
    analyze(text, kind = 'document') {
      const found: Term[] = []
      scanWords(text, kind === 'document', (start, end, position, alone) => {
        const word = text.slice(start, end)
        const own = term(word)
        found.push({ text: own, start, end, position, stop: isStop(word), partial: alone && kind === 'query' })
      })
      return found
    },
  }
}

/** The analyzer of an id. @throws PithError `PITH_VERSION` no version of pith that is known here has it */
export function analyzerOf(id: string): Analyzer {
  const [version, stem, accents, stop, ...rest] = id.split(':')
  const own = { stem, accents, stop } as AnalyzerOptions
  if (version === VERSION && rest.length === 0 && own.stem && own.accents && own.stop) {
    const [stems, folds, stops] = [STEMS, ACCENTS, STOPS] as const
    if (stems.includes(own.stem) && folds.includes(own.accents) && stops.includes(own.stop)) return makeAnalyzer(own)
  }
  throw new PithError('PITH_VERSION', `the analyzer ${JSON.stringify(id.slice(0, 60))} is not known here`, {
    hint: 'Read it with a newer pith, or build the index again.',
  })
}
