import { makeAnalyzer } from '@pith/core/lexical'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { makeSnippet, markTerms, type SnippetPart, wantedTerms } from './snippet.ts'

const analyzer = makeAnalyzer()
const shown = (parts: readonly SnippetPart[]): string =>
  parts.map(({ text, hit }) => (hit ? `[${text}]` : text)).join('')
const snippet = (text: string, query: string, length = 60): string =>
  shown(makeSnippet(text, wantedTerms(query, analyzer), analyzer, length))

test('a snippet is the part with most of the terms, with other forms of them marked', () => {
  const filler = 'Nothing of note happens in this sentence at all. '.repeat(20)
  const text = `The boat left. ${filler}Many boats were sailing\n\n  past the harbours that day. ${filler}`
  expect(snippet(text, 'sail boat in the harbour')).toMatch(
    /^… .*\[boats\] were \[sailing\] past the \[harbours\] that.* …$/,
  )
  expect(snippet(text, 'elephants')).toBe('The boat left. Nothing of note happens in this sentence at …')
  expect(snippet('Short text', 'text')).toBe('Short [text]')
  // Stop words count only where there is nothing else.
  expect(snippet('to be or not', 'to be')).toMatch(/^\[to\] \[be\]/)
  expect(snippet('東京都に住む', '東京')).toBe('[東京]都に住む')
  expect(snippet('', 'x')).toBe('')
})

test('a snippet holds what the text holds, and not much more than was asked for', () => {
  const text = fc.stringMatching(/^([a-e]{1,4}[ ,.\n]{1,2}){0,200}$/)
  fc.assert(
    fc.property(
      text,
      fc.stringMatching(/^([a-e]{1,4} ){0,4}$/),
      fc.integer({ min: 10, max: 300 }),
      (own, query, length) => {
        const parts = makeSnippet(own, wantedTerms(query, analyzer), analyzer, length)
        const plain = parts.map(({ text: part }) => part).join('')
        const inside = plain.replace(/^… /, '').replace(/ …$/, '')
        expect(own.replace(/\s+/g, ' ')).toContain(inside)
        expect(inside.length).toBeLessThanOrEqual(length + 8)
        const wanted = wantedTerms(query, analyzer).whole
        for (const { text: part, hit } of parts) {
          if (hit) for (const { text: term } of analyzer.analyze(part)) expect(wanted).toContain(term)
        }
        expect(
          markTerms(own, wantedTerms(query, analyzer), analyzer)
            .map((part) => part.text)
            .join(''),
        ).toBe(own)
      },
    ),
    { numRuns: 200 },
  )
})
