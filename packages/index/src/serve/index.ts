export { type AnswerOptions, answerView } from './answer-views.ts'
export { type Served, served } from './served.ts'
export { makeSnippet, markTerms, type SnippetPart, type WantedTerms, wantedTerms } from './snippet.ts'
export type { AnswerView, FacetView, HitView } from './views.ts'
