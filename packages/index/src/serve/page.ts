/** A page for searching: plain markup, which works without its script. */
import { escapeMarkup, formatCount, type Html, type HtmlPart, htmlTag, raw } from '@pith/core'
import type { SearchMode } from '../store/index.ts'
import type { FieldValue, IndexDocument } from '../types.ts'
import type { SnippetPart } from './snippet.ts'
import type { AnswerView, FacetView, HitView } from './views.ts'

/** Controls, and signs that would show text in another order than it stands in. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not stand in a page as they are
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

const html: (parts: TemplateStringsArray, ...values: readonly HtmlPart[]) => Html = htmlTag((text) =>
  escapeMarkup(text.replace(UNSEEN, '\uFFFD')),
)

const MODE_NAMES: Readonly<Record<SearchMode, string>> = {
  hybrid: 'words and meaning',
  bm25: 'words',
  dense: 'meaning',
  pq: 'meaning by codes',
  hash: 'meaning by signs',
  sparse: 'learned words',
}

/** Prefix of the parameters that say which values of a field are wanted. */
export const FIELD_PREFIX = 'f.'

/** The address of the page for a query. */
export function pageAddress(view: AnswerView, change: { from?: number; facets?: readonly FacetView[] } = {}): string {
  const words = new URLSearchParams()
  if (view.query !== '') words.set('q', view.query)
  if (view.mode !== view.modes[0]) words.set('mode', view.mode)
  for (const { field, values } of change.facets ?? view.facets) {
    for (const { value, chosen } of values) if (chosen) words.append(`${FIELD_PREFIX}${field}`, value)
  }
  const from = change.from ?? 0
  if (from > 0) words.set('from', String(from))
  const text = words.toString()
  return text === '' ? './' : `./?${text}`
}

/** The whole page. */
export function searchPage(view: AnswerView): string {
  const title = view.query === '' ? view.name : `${view.query} · ${view.name}`
  return wholePage(
    title,
    html`<header>
<h1><a href="./">${view.name}</a></h1>
<form action="./" method="get" role="search">
<input type="search" name="q" value="${view.query}" aria-label="Search" placeholder="Search ${formatCount(view.documents)} documents" autocomplete="off" autofocus>
${modeChoice(view)}<button>Search</button>
</form>
</header>
<main id="answer" aria-live="polite">
${answer(view)}
</main>
<script src="./script.js"></script>`,
  )
}

/** The page of one document; `text` with what was asked for marked. */
export function documentPage(name: string, document: IndexDocument, text: readonly SnippetPart[]): string {
  const { id, title = id, fields = {} } = document
  return wholePage(
    title,
    html`<header><h1><a href="./">${name}</a></h1></header>
<main>
<h2>${title}</h2>
<p class="facts"><span>${id}</span> ${fieldList(fields)}</p>
<pre>${marked(text)}</pre>
</main>`,
  )
}

function wholePage(title: string, body: Html): string {
  return html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<link rel="stylesheet" href="./style.css">
<body>
${body}
</body>
</html>
`.html
}

function modeChoice({ modes, mode }: AnswerView): Html {
  if (modes.length < 2) return raw('')
  const options = modes.map((own) =>
    own === mode
      ? html`<option value="${own}" selected>${MODE_NAMES[own]}</option>`
      : html`<option value="${own}">${MODE_NAMES[own]}</option>`,
  )
  return html`<select name="mode" aria-label="Search by">${options}</select>\n`
}

function answer(view: AnswerView): Html {
  if (view.problem !== undefined) return html`<p class="note">${view.problem}</p>`
  if (view.query === '') return raw('')
  const end = view.from + view.hits.length
  const time = html`<span class="time">${view.ms.toFixed(1)} ms</span>`
  if (view.hits.length === 0) return html`<p class="note">Nothing found. ${time}</p>${facetList(view)}`
  return html`<p class="note">${view.from + 1} to ${end}${view.more ? '' : ` of ${end}`} · ${time}</p>
${facetList(view)}<ol start="${view.from + 1}">${view.hits.map((own) => hit(own, view.query))}</ol>
${paging(view)}`
}

function hit(own: HitView, query: string): Html {
  const shown = own.title.length > 0 ? marked(own.title) : html`${own.id}`
  // Documents without an address of their own are shown by the server.
  const address = own.url ?? `./document?${new URLSearchParams({ id: own.id, q: query })}`
  return html`<li><h2><a href="${address}">${shown}</a></h2><p>${marked(own.snippet)}</p><p class="facts"><span>${own.id}</span> ${fieldList(own.fields)}<span>${own.score.toPrecision(4)}</span></p></li>\n`
}

function fieldList(fields: Readonly<Record<string, FieldValue>>): Html[] {
  return Object.entries(fields).map(
    ([name, value]) => html`<span>${name}: ${typeof value === 'object' ? value.join(', ') : String(value)}</span> `,
  )
}

function marked(parts: readonly SnippetPart[]): Html[] {
  return parts.map(({ text, hit: found }) => (found ? html`<mark>${text}</mark>` : html`${text}`))
}

function facetList(view: AnswerView): Html {
  const own = view.facets.filter(({ values }) => values.length > 0)
  if (own.length === 0) return raw('')
  const group = ({ field, values }: FacetView): Html =>
    html`<h2>${field}</h2><ul>${values.map(
      ({ value, count, chosen }) =>
        html`<li><a href="${pageAddress(view, { facets: toggled(view.facets, field, value) })}"${raw(chosen ? ' aria-current="true"' : '')}>${value}</a> ${formatCount(count)}</li>`,
    )}</ul>`
  return html`<nav aria-label="Narrow down">${own.map(group)}</nav>\n`
}

/** Facets with one value chosen, or not chosen any more. */
function toggled(facets: readonly FacetView[], field: string, value: string): FacetView[] {
  return facets.map((facet) =>
    facet.field !== field
      ? facet
      : {
          field,
          values: facet.values.map((own) => (own.value === value ? { ...own, chosen: !own.chosen } : own)),
        },
  )
}

function paging(view: AnswerView): Html {
  const back =
    view.from > 0
      ? html`<a rel="prev" href="${pageAddress(view, { from: Math.max(0, view.from - view.k) })}">Back</a> `
      : raw('')
  const on = view.more
    ? html`<a rel="next" href="${pageAddress(view, { from: view.from + view.k })}">More</a>`
    : raw('')
  return html`<p class="pages">${back}${on}</p>`
}
