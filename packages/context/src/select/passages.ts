import { sentencesOf } from '../safe/pieces.ts'
import type { Passage, Ranking, Span } from '../types.ts'
import { type Background, backgroundWeights, bm25Scores, byScore, localWeights } from './bm25.ts'
import { termsOf } from './terms.ts'

/** Passages as one text, and where each stands in it. */
export interface RenderedPassages {
  readonly text: string
  /** The title with its line break, empty where there is none, and the text with what stands behind it. */
  readonly places: readonly { readonly title: Span; readonly body: Span }[]
}

/** Passages behind each other: title, line break, text, empty line. */
export function renderPassages(passages: readonly Passage[]): RenderedPassages {
  const parts: string[] = []
  let at = 0
  const put = (part: string): Span => {
    parts.push(part)
    at += part.length
    return { start: at - part.length, end: at }
  }
  const places = passages.map(({ title = '', text }, i) => ({
    title: put(title === '' ? '' : `${title}\n`),
    body: put(i + 1 < passages.length ? `${text}\n\n` : text),
  }))
  return { text: parts.join(''), places }
}

/** What helps to rank passages. */
export interface PassageOptions {
  /** How common terms are in general. Without it only the passages themselves say so. */
  background?: Background
}

/**
 * Rank passages for a question: whole passages by how well they fit, and of the first that does not fit whole its best sentences.
 *
 * The score of a passage is BM25 with the weights of these passages plus, where there is a background, that with its weights; pairs
 * of words of the question that stand together count extra.
 */
export function rankPassages(
  { text, places }: RenderedPassages,
  question: string,
  { background }: PassageOptions = {},
): Ranking {
  const query = termsOf(question)
  const slice = ({ start, end }: Span): string => text.slice(start, end)
  const sentences = places.map(({ body }) =>
    sentencesOf(slice(body)).map(({ start, end }) => ({ start: body.start + start, end: body.start + end })),
  )
  const said = sentences.map((own) => own.map((span) => termsOf(slice(span))))
  const terms = places.map(({ title }, i) => {
    const own = termsOf(slice(title))
    return [...own, ...own, ...(said[i] as string[][]).flat()]
  })
  const local = localWeights(terms)
  const weighings = [local, ...(background === undefined ? [] : [backgroundWeights(background, local)])]
  const scores = new Float64Array(places.length)
  for (const weigh of weighings) {
    for (const [i, score] of bm25Scores(query, terms, weigh, { pairs: 0.5 }).entries()) scores[i] += score
  }
  const weigh = localWeights(said.flat())
  const pieces: Span[] = []
  const own: number[][] = places.map(({ title }, i) => {
    const first = pieces.length
    if (title.end > title.start) pieces.push(title)
    const body = sentences[i] as Span[]
    const order = byScore(bm25Scores(query, said[i] as string[][], weigh))
    const start = pieces.length
    pieces.push(...body)
    return [...Array.from({ length: start - first }, (_, at) => first + at), ...order.map((at) => start + at)]
  })
  return {
    scorer: background === undefined ? 'passages' : `passages+${background.id}`,
    pieces,
    groups: byScore(scores).flatMap((i) => (own[i] as number[]).map((piece) => [piece])),
  }
}
