/** What a bench found as one page: the verdict, the plots, the table. */
import { escapeMarkup, type Html, htmlTag, raw } from '@pith/core'
import type { KvBench } from '../measure/index.ts'
import { tableOf } from './rows.ts'

const html: ReturnType<typeof htmlTag> = htmlTag(escapeMarkup)

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #24292f; background: #fff }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .15rem .6rem; text-align: right; border-bottom: 1px solid #d0d7de; white-space: nowrap }
th:first-child, td:first-child, th:last-child, td:last-child { text-align: left }
td.safe { color: #1a7f37 } td.unsafe { color: #cf222e } svg { max-width: 100%; height: auto }
`

/**
 * A page that needs nothing from elsewhere.
 *
 * @param plots SVG texts
 */
export function benchPage(result: KvBench, plots: readonly string[]): string {
  const { windows, window, fitWindows, nll, presets, verdict, limit } = result
  const { head, lines } = tableOf(presets)
  const cells = (line: readonly string[]): Html[] =>
    line.map((cell, i) => (i === line.length - 1 ? html`<td class="${cell}">${cell}</td>` : html`<td>${cell}</td>`))
  const page = html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Which coding of caches is safe here</title>
<style>${raw(STYLE)}</style>
<h1>Which coding of caches is safe here</h1>
<p>${verdict}</p>
<p>Learned on ${fitWindows} windows of ${window} tokens, measured on ${windows} others; the exact cache costs ${nll.toFixed(3)} nats a token, ${limit} more are allowed.</p>
${plots.map((svg) => html`<figure>${raw(svg)}</figure>`)}
<table>
<tr>${head.map((title) => html`<th>${title}</th>`)}</tr>
${lines.map(
  (line) => html`<tr>${cells(line)}</tr>
`,
)}</table>
</html>
`
  return page.html
}
