/** Queries made from documents, without labels and without a language model. */
import { meterProgress, PithError, Random, type Run, throwIfAborted } from '@pith/core'
import type { IndexDocument } from '../types.ts'
import { queryTerms, readCorpus, scoreAll, type TermCorpus, textOf } from './corpus.ts'

/** A query and the document that it was made from. */
export interface GeneratedQuery {
  readonly id: string
  readonly text: string
  /** Row of the document. */
  readonly document: number
}

/** What makes queries. */
export interface QueryGenerator {
  readonly id: string
  /** Up to `count` queries that the document answers. */
  generate(document: IndexDocument, row: number, count: number, run: Run): Promise<readonly string[]>
}

/** Options of {@link generateQueries}. */
export interface GenerateOptions extends Run {
  /** Queries of a document at most, 1..100. Default 3. */
  perDocument?: number
  /** Queries in all at most; of more documents, those that the seed draws. Default 250,000. */
  most?: number
  /** Default the built-in one. */
  generator?: QueryGenerator
  /** The documents as terms, where they are there already. */
  corpus?: TermCorpus
  /** A query is dropped unless BM25 finds its document among so many; 0 keeps all. Default 20. */
  within?: number
}

/** Ways of the built-in generator. */
type Way = (corpus: TermCorpus, row: number, random: Random) => string

const WAYS: readonly Way[] = [drawTerms, takeSentence, takeTitle, takePhrase]
const SENTENCE_WORDS = [6, 25] as const

/**
 * Queries for documents, in their order. Those whose document BM25 doesn't find are dropped (round trip).
 *
 * @throws PithError `PITH_ARG` an option out of range; what the generator throws; the abort reason
 */
export async function* generateQueries(
  documents: readonly IndexDocument[],
  options: GenerateOptions = {},
): AsyncGenerator<GeneratedQuery, void, undefined> {
  const { perDocument = 3, most = 250_000, within = 20, seed = 0 } = options
  if (!(Number.isInteger(perDocument) && perDocument >= 1 && perDocument <= 100)) {
    throw new PithError('PITH_ARG', `perDocument must be 1..100, got ${perDocument}`)
  }
  const corpus = options.corpus ?? readCorpus(documents, undefined, options)
  const generator = options.generator ?? builtinGenerator(corpus, seed)
  const random = new Random(seed).split(7)
  const share = Math.min(1, most / (perDocument * Math.max(1, documents.length)))
  const meter = meterProgress(options, { stage: 'queries', unit: 'rows', total: documents.length })
  const scores = new Float32Array(documents.length)
  for (const [row, document] of documents.entries()) {
    throwIfAborted(options.signal)
    if (share < 1 && random.uniform() >= share) continue
    const texts = await generator.generate(document, row, perDocument, options)
    for (const [number, text] of texts.slice(0, perDocument).entries()) {
      if (within > 0 && !isFound(corpus, text, row, within, scores)) continue
      yield { id: `${row}-${number}`, text, document: row }
    }
    meter.update(row + 1)
  }
  meter.finish()
}

/**
 * The generator that needs no model. Each query of a document is made in another of four ways: terms drawn by their weight, a
 * sentence, the title, the phrase that stands out with two rare terms.
 */
export function builtinGenerator(corpus: TermCorpus, seed = 0): QueryGenerator {
  const random = new Random(seed).split(8)
  return {
    id: `pith:ways-1:${seed}`,
    async generate(_, row, count) {
      const own = random.split(row)
      const order = own.shuffle(Uint8Array.from(WAYS.keys()))
      const texts: string[] = []
      for (let i = 0; i < 2 * WAYS.length && texts.length < count; i++) {
        // A way that has given its query gives another one only where it draws.
        const text = (WAYS[order[i % WAYS.length] as number] as Way)(corpus, row, own)
        if (queryTerms(corpus, text).length >= 2 && !texts.includes(text)) texts.push(text)
      }
      return texts
    },
  }
}

function isFound(corpus: TermCorpus, text: string, row: number, within: number, scores: Float32Array): boolean {
  const terms = queryTerms(corpus, text)
  if (terms.length === 0) return false
  scoreAll(corpus, terms, scores)
  const own = scores[row] as number
  let better = 0
  for (const score of scores) if (score > own) better++
  return own > 0 && better < within
}

/** Words of a document as they stand, without stop words, one for each term. */
function distinctWords({ analyzer, documents }: TermCorpus, row: number): Map<string, string> {
  const words = new Map<string, string>()
  analyzer.scan(textOf(documents[row] as IndexDocument), (word) => {
    if (analyzer.isStop(word)) return
    const term = analyzer.term(word)
    if (!words.has(term)) words.set(term, word)
  })
  return words
}

/** 3 to 8 words, drawn without replacement in proportion to their weights. */
function drawTerms(corpus: TermCorpus, row: number, random: Random): string {
  const left = [...distinctWords(corpus, row)].map(([term, word]) => ({ word, weight: weightOf(corpus, term) }))
  const count = Math.min(left.length, 3 + random.integer(6))
  const drawn: string[] = []
  while (drawn.length < count) {
    let rest = random.uniform() * left.reduce((sum, { weight }) => sum + weight, 0)
    let at = 0
    while (at + 1 < left.length && rest >= (left[at] as { weight: number }).weight) {
      rest -= (left[at] as { weight: number }).weight
      at++
    }
    drawn.push(...left.splice(at, 1).map(({ word }) => word))
  }
  return drawn.join(' ')
}

/** A sentence of 6 to 25 words, or as many words from anywhere where there are no sentences. */
function takeSentence({ documents }: TermCorpus, row: number, random: Random): string {
  const { text } = documents[row] as IndexDocument
  const [least, most] = SENTENCE_WORDS
  const wordsOf = (part: string): string[] => part.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word))
  const sentences = text.split(/[.!?;](?=\s)|\n/).filter((sentence) => {
    const { length } = wordsOf(sentence)
    return length >= least && length <= most
  })
  if (sentences.length > 0) return (sentences[random.integer(sentences.length)] as string).trim()
  const words = wordsOf(text)
  const length = Math.min(words.length, least + random.integer(most - least + 1))
  // The whole of a short text is no query.
  if (words.length <= 2 * least) return ''
  const start = random.integer(words.length - length + 1)
  return words.slice(start, start + length).join(' ')
}

function takeTitle({ documents }: TermCorpus, row: number): string {
  const { title, text } = documents[row] as IndexDocument
  if (title !== undefined && title.trim() !== '') return title.trim()
  return /^#+\s+(.+)$/m.exec(text)?.[1] ?? ''
}

/** The phrase between stop words that stands out most (after RAKE), and two of the weightiest other words. */
function takePhrase(corpus: TermCorpus, row: number, random: Random): string {
  const { analyzer } = corpus
  const text = textOf(corpus.documents[row] as IndexDocument)
  let phrase: { words: string[]; terms: string[] } = { words: [], terms: [] }
  const phrases: (typeof phrase)[] = []
  let end = 0
  for (const term of analyzer.analyze(text)) {
    if (term.stop || /[^\s-]/.test(text.slice(end, term.start)) || phrase.words.length === 4) {
      phrases.push(phrase)
      phrase = { words: [], terms: [] }
    }
    end = term.end
    if (term.stop) continue
    phrase.words.push(text.slice(term.start, term.end))
    phrase.terms.push(term.text)
  }
  phrases.push(phrase)
  const worth = ({ terms }: typeof phrase): number =>
    terms.reduce((sum, term) => sum + weightOf(corpus, term), 0) / Math.sqrt(Math.max(1, terms.length))
  const best = phrases.reduce((most, own) => (worth(own) > worth(most) ? own : most))
  const others = [...distinctWords(corpus, row)]
    .filter(([term]) => !best.terms.includes(term))
    .map(([term, word]) => ({ word, weight: weightOf(corpus, term) }))
    .sort((a, b) => b.weight - a.weight)
    .slice(0, 8)
  const extra = random.shuffle(others).slice(0, 2)
  return [...best.words, ...extra.map(({ word }) => word)].join(' ')
}

function weightOf({ numberOf, weights }: TermCorpus, term: string): number {
  const number = numberOf.get(term)
  return number === undefined ? 0 : (weights[number] as number)
}
