import { escapeMarkup, type Html, htmlTag } from '@pith/core'
import type { Compressed } from '../types.ts'
import { marksOf } from './marks.ts'

/** What a page cannot show is shown as a sign, lest it be taken for nothing. */
const clean = (text: string): string => escapeMarkup(text.replaceAll('\0', '\ufffd'))
const html: ReturnType<typeof htmlTag> = htmlTag(clean)

const STYLE =
  'body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1c2330;background:#fff}' +
  'pre{white-space:pre-wrap;overflow-wrap:anywhere;font:13px/1.55 ui-monospace,monospace}' +
  'del{color:#9a6b6b;background:#fbeeee;text-decoration-color:#d49a9a}table{border-collapse:collapse}' +
  'td{padding:.15rem 1rem .15rem 0}td:last-child{text-align:right;font-variant-numeric:tabular-nums}' +
  '@media(prefers-color-scheme:dark){body{color:#dfe4ee;background:#14171d}del{color:#b58585;background:#2a1c1e}}'

/** A page of the original in which what was left out is struck out; it has no script and loads nothing. */
export function explainPage(title: string, text: string, result: Compressed): string {
  const { originalTokens, tokens, dropped, report } = result
  const share = originalTokens === 0 ? 1 : tokens / originalTokens
  const marks = marksOf(result).map(({ start, end, kept, id, tokens: gone }): Html => {
    const own = text.slice(start, end)
    return kept ? html`${own}` : html`<del title="${`${id}: ${gone} tokens`}">${own}</del>`
  })
  const rows: readonly (readonly [string, string])[] = [
    ['tokens before', String(originalTokens)],
    ['tokens left', `${tokens} (${(100 * share).toFixed(1)} %)`],
    ['slices left out', String(dropped.length)],
    ['ranked by', report.scorer],
    ['tokens of', report.counter],
  ]
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${{ html: STYLE }}</style>
</head>
<body>
<h1>${title}</h1>
<table>
${rows.map(([name, value]) => html`<tr><td>${name}</td><td>${value}</td></tr>\n`)}</table>
<pre>${marks}</pre>
</body>
</html>
`
  return page.html
}
