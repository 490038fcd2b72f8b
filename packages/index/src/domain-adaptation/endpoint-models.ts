/** Language models behind OpenAI-style endpoints that write queries, or judge documents. */
import { fingerprint, PithError, throwIfAborted } from '@pith/core'
import { askEndpoint, type EndpointAddress } from '../dense/endpoint.ts'
import type { IndexDocument } from '../types.ts'
import { textOf } from './corpus.ts'
import type { QueryGenerator } from './generator.ts'
import type { Teacher } from './teacher.ts'

/** Options of models behind endpoints. */
export interface EndpointModelOptions extends EndpointAddress {
  /** Characters of a document that are sent. Default 2,000. */
  readonly maxText?: number
}

/** Queries that a language model writes. @throws what the endpoint gives rise to, when it is asked */
export function endpointGenerator(options: EndpointModelOptions): QueryGenerator {
  const { maxText = 2000 } = options
  return {
    id: `endpoint:${String(options.url)}#${options.model}`,
    async generate(document, _, count, { signal, seed = 0 }) {
      const content = `Write ${count} different search queries that the following text answers, one a line, nothing else.\n\n${textOf(document).slice(0, maxText)}`
      const answer = await askEndpoint(
        options,
        'chat/completions',
        { messages: [{ role: 'user', content }], temperature: 0.8, seed, max_tokens: 48 * count },
        signal,
      )
      return linesOf(contentOf(answer)).slice(0, count)
    },
  }
}

/**
 * A language model that says from 0 to 10 how well a document answers a query. Each pair is asked once: answers are kept by the
 * hash of query, document and model.
 */
export function endpointTeacher(documents: readonly IndexDocument[], options: EndpointModelOptions): Teacher {
  const { maxText = 2000 } = options
  const known = new Map<string, Promise<number>>()
  const ask = async (query: string, text: string, signal: AbortSignal | undefined): Promise<number> => {
    const content = `Query: ${query}\n\nText: ${text}\n\nHow well does the text answer the query? Answer with a number from 0 to 10 only.`
    const body = { messages: [{ role: 'user', content }], temperature: 0, max_tokens: 8 }
    return gradeOf(contentOf(await askEndpoint(options, 'chat/completions', body, signal)))
  }
  return {
    id: `endpoint:${String(options.url)}#${options.model}`,
    async score(query, rows, { signal } = {}) {
      const scores = new Float64Array(rows.length)
      for (const [i, row] of rows.entries()) {
        throwIfAborted(signal)
        const text = textOf(documents[row] as IndexDocument).slice(0, maxText)
        const key = fingerprint(new TextEncoder().encode(JSON.stringify([query, text, options.model])))
        let own = known.get(key)
        if (own === undefined) {
          own = ask(query, text, signal)
          known.set(key, own)
          own.catch(() => known.delete(key))
        }
        scores[i] = await own
      }
      return scores
    },
  }
}

/** The text of a chat completion. @throws PithError `PITH_NETWORK` there is none */
export function contentOf(answer: unknown): string {
  const choices = (answer as { choices?: unknown } | null)?.choices
  const content = Array.isArray(choices)
    ? (choices[0] as { message?: { content?: unknown } })?.message?.content
    : undefined
  if (typeof content === 'string') return content
  throw new PithError('PITH_NETWORK', 'the endpoint answered without a message', { hint: 'Check address and model.' })
}

/** Lines without numbers, bullets and quotes that lists have. */
export function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) =>
      line
        .replace(/^\s*(?:\d+[.)]|[-*•])\s*/, '')
        .replace(/^["'“]+|["'”]+\s*$/g, '')
        .trim(),
    )
    .filter((line) => line !== '')
}

/** The first number of an answer, 0..10. @throws PithError `PITH_NETWORK` there is none */
export function gradeOf(text: string): number {
  const found = /\d+(?:\.\d+)?/.exec(text)
  if (found !== null) return Math.min(10, Number(found[0]))
  throw new PithError('PITH_NETWORK', `the model graded with ${JSON.stringify(text.slice(0, 60))}, which is no number`)
}
