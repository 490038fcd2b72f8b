import type { Background } from './bm25.ts'
import { termsOf } from './terms.ts'

let general: Promise<Background> | undefined

/** How common terms are in English text of many kinds. The table is loaded when it is first asked for. */
export function generalBackground(): Promise<Background> {
  general ??= import('./background-table.ts').then(({ BACKGROUND_DOCUMENTS, BACKGROUND_TERMS }) => {
    const frequencies = new Map<string, number>()
    for (const [texts, terms] of BACKGROUND_TERMS) for (const term of terms.split(' ')) frequencies.set(term, texts)
    return { id: 'general', documents: BACKGROUND_DOCUMENTS, frequency: (term) => frequencies.get(term) ?? 0 }
  })
  return general
}

/** How common terms are in one's own texts: some hundreds of the kind that is compressed. */
export function backgroundOf(texts: Iterable<string>): Background {
  const frequencies = new Map<string, number>()
  let documents = 0
  for (const text of texts) {
    documents++
    for (const term of new Set(termsOf(text))) frequencies.set(term, (frequencies.get(term) ?? 0) + 1)
  }
  return { id: 'own', documents, frequency: (term) => frequencies.get(term) ?? 0 }
}
