import { formatBytes, formatCount, formatRatio, formatShare, sha256 } from '@pith/core'
import { plural } from '../command/plural.ts'
import { showTime } from '../command/show-time.ts'
import type { LogAnatomy } from './anatomy.ts'
import { type Html, html, raw } from './html.ts'
import { columnTable, templateTable } from './log-tables.ts'
import type { EntryParts, FileParts } from './model.ts'
import { PAGE_SCRIPT } from './page-script.ts'
import { PAGE_STYLE } from './page-style.ts'
import { SLICES, type SliceKind, type Slices, slicesOfEntry, slicesOfFile } from './slices.ts'
import { byteMap } from './tiles.ts'

/** Entries that are listed by name. */
const MOST_ENTRIES = 200

/**
 * A page that shows where the bytes of a file are and when its templates occur. It stands alone: no other file, no network.
 *
 * @param logs  the logs of the file that are drawn one by one
 */
export function inspectPage(parts: FileParts, logs: ReadonlyMap<EntryParts, LogAnatomy>): string {
  const slices = slicesOfFile(parts, logs)
  const files = parts.entries.filter(({ kind }) => kind === 'file')
  const body = html`<header><h1>${baseName(parts.file)}</h1>
<p>Where the bytes of this file are, and when its lines occur.</p>
${keyFacts(parts, [...logs.values()])}</header>
<section aria-labelledby="bytes"><h2 id="bytes">Where the bytes are</h2>
<p>Streams of a log are coded together; their bytes are shared out by how much information each of them holds.</p>
${sliceBar(slices, parts.bytes)}
${sliceTable(slices, parts.bytes)}</section>
${files.length > 1 ? entryTable(files, parts.bytes) : raw('')}
${[...logs].map(([entry, log], i) => logSection(entry, log, i, files.length > 1))}
<footer>Written by <code>pith inspect --html</code>. Times are by the clock of the log.</footer>`
  const policy = `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${base64(sha256(new TextEncoder().encode(PAGE_SCRIPT)))}'`
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<link rel="icon" href="data:,">
<title>${baseName(parts.file)}: where its bytes are</title>
<style>${raw(PAGE_STYLE)}</style></head>
<body><main>${body}</main><script>${raw(PAGE_SCRIPT)}</script></body></html>
`.html
}

function keyFacts(parts: FileParts, logs: readonly LogAnatomy[]): Html {
  const { bytes, rawBytes, entries } = parts
  const facts: [string, Html][] = [
    ['Original', html`${formatBytes(rawBytes)}`],
    ['In this file', html`${formatBytes(bytes)}`],
    ['Ratio', html`${bytes > 0 && rawBytes > 0 ? formatRatio(rawBytes / bytes) : '-'}`],
  ]
  const lines = logs.reduce((sum, log) => sum + log.lines, 0)
  if (lines > 0) {
    facts.push(['Lines', html`${formatCount(lines)} <small>${(bytes / lines).toFixed(2)} B each</small>`])
    facts.push(['Templates', html`${formatCount(logs.reduce((sum, log) => sum + log.templates.length, 0))}`])
  }
  if (entries.length > 1) facts.push(['Entries', html`${formatCount(entries.length)}`])
  return html`<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`
}

function sliceBar(slices: Slices, total: number): Html {
  const parts = [...slices].map(
    ([kind, bytes]) =>
      html`<i style="flex:${bytes} 0 0;${colour(kind)}" title="${`${SLICES[kind][0]}: ${formatBytes(bytes)}, ${formatShare(bytes / total)}`}"></i>`,
  )
  return html`<div class="bar" aria-hidden="true">${parts}</div>`
}

function sliceTable(slices: Slices, total: number): Html {
  const rows = [...slices].map(([kind, bytes]) => {
    const [name, meaning] = SLICES[kind]
    return html`<tr><th scope="row"><span class="swatch" style="${colour(kind)}"></span>${name}</th><td class="wide soft">${meaning}</td><td class="n">${formatCount(bytes)}</td><td class="n">${formatShare(bytes / total)}</td></tr>`
  })
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Bytes by what they are for"><table id="slices">
<thead><tr><th scope="col">Part</th><th scope="col">What it is</th><th scope="col" class="n">Bytes</th><th scope="col" class="n">Share</th></tr></thead>
<tbody>${rows}</tbody><tfoot><tr><th scope="row">All</th><td></td><td class="n">${formatCount(total)}</td><td class="n">100 %</td></tr></tfoot></table></div>`
}

function entryTable(entries: readonly EntryParts[], total: number): Html {
  const largest = [...entries].sort((a, b) => b.storedBytes - a.storedBytes)
  const rows = largest
    .slice(0, MOST_ENTRIES)
    .map(
      ({ path, codec, rawBytes, storedBytes }) =>
        html`<tr><th scope="row" class="wide code">${path ?? '-'}</th><td>${codec}</td><td class="n">${formatBytes(rawBytes)}</td><td class="n">${formatBytes(storedBytes)}<span class="share" style="--c:var(--order);width:${percent(storedBytes / total)}"></span></td><td class="n">${storedBytes > 0 ? formatRatio(rawBytes / storedBytes) : '-'}</td></tr>`,
    )
  const rest = largest.length - rows.length
  return html`<section aria-labelledby="entries"><h2 id="entries">Entries</h2>
${rest > 0 ? html`<p>The ${formatCount(rows.length)} largest; ${formatCount(rest)} more are in <code>pith list</code>.</p>` : raw('')}
<div class="scroll" tabindex="0" role="region" aria-label="Entries"><table>
<thead><tr><th scope="col">Path</th><th scope="col">Codec</th><th scope="col" class="n">Original</th><th scope="col" class="n">Stored</th><th scope="col" class="n">Ratio</th></tr></thead>
<tbody>${rows}</tbody></table></div></section>`
}

function logSection(entry: EntryParts, log: LogAnatomy, index: number, named: boolean): Html {
  const { axis } = log
  const id = `log${index}`
  const span = axis.by === 'time' ? `, ${showTime(axis.first, axis.dated)} to ${showTime(axis.last, axis.dated)}` : ''
  const what = `${plural(log.lines, 'line')} of ${plural(log.templates.length, 'template')}${span}.`
  return html`<section aria-labelledby="${id}"><h2 id="${id}">${named ? (entry.path ?? 'Log') : 'The log'}</h2>
<p>${what}</p>
${byteMap(slicesOfEntry(entry, log), log, id)}
${columnTable(log, id)}
${templateTable(log, id)}</section>`
}

/** A page is for others too: they need not know the folder. */
function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
}

/** A length in percent for styles. */
function percent(share: number): string {
  return `${(100 * share).toFixed(2)}%`
}

function colour(kind: SliceKind): string {
  return `--c:var(--${kind})`
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
}
