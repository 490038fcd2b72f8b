/** The tables of a log: its columns by their bytes, its templates with when they occur. */
import { formatBytes, formatCount, formatShare } from '@pith/core'
import { plural } from '../command/plural.ts'
import { showTime } from '../command/show-time.ts'
import type { LogAnatomy, LogColumn, LogTemplate } from './anatomy.ts'
import { escapeText, type Html, html, raw } from './html.ts'
import type { SliceKind } from './slices.ts'
import { type Axis, STEPS } from './strips.ts'

/** Columns and templates that have a row. */
export const MOST_COLUMNS = 40
const MOST_TEMPLATES = 300
/** Characters of the text before a column that are shown. */
const MOST_BEFORE = 40
/** Characters of a template that are shown. */
const MOST_TEXT = 500
/** Shades of a strip. */
const SHADES = 6

/** What a column is called: the text before it and the kind of what follows. */
export function columnName({ before, kind }: LogColumn): Html {
  const text = before === '' ? '' : before.length > MOST_BEFORE ? `…${before.slice(-MOST_BEFORE)}` : before
  return html`${text}<i class="slot">${KINDS[kind][0]}</i>`
}

/** The same as text. */
export function columnText({ before, kind }: LogColumn): string {
  return `${before.slice(-MOST_BEFORE)}<${KINDS[kind][0]}>`
}

const KINDS: Readonly<Record<LogColumn['kind'], readonly [slot: string, kind: string, slice: SliceKind]>> = {
  const: ['same', 'always the same', 'dictionary'],
  dict: ['text', 'one of a dictionary', 'choice'],
  number: ['number', 'numbers', 'number'],
  time: ['time', 'times', 'time'],
  raw: ['any', 'raw text', 'text'],
  log: ['log', 'lines of a log', 'text'],
  logDict: ['text', 'one of a dictionary', 'choice'],
}

/** Columns of a log by the bytes that they take. */
export function columnTable(log: LogAnatomy, id: string): Html {
  const total = log.columns.reduce((sum, column) => sum + column.total, 0)
  const shown = log.columns.slice(0, MOST_COLUMNS).filter((column) => column.total > 0)
  const rest = log.columns.length - shown.length
  const shownBytes = shown.reduce((sum, column) => sum + column.total, 0)
  const largest = shown[0]?.total ?? 1
  const rows = shown.map((column, i) => {
    const [, kind, slice] = KINDS[column.kind]
    const bits = (8 * column.total) / Math.max(1, column.rows)
    return html`<tr id="${id}c${i}"><th scope="row" class="wide code">${columnName(column)}</th><td class="t">${kind}</td><td class="n">${formatCount(column.rows)}</td><td class="n">${formatCount(column.total)}<span class="share" style="--c:var(--${slice});width:${percent(column.total / largest)}"></span></td><td class="n">${formatShare(column.total / Math.max(1, total))}</td><td class="n">${bits < 100 ? bits.toFixed(2) : formatCount(bits)}</td></tr>`
  })
  return html`<h3 id="${id}columns">Columns</h3>
<p>What differs between lines of a template stands in columns; each is named by the text before it.${
    rest > 0 ? ` ${plural(rest, 'more column')} take ${formatBytes(total - shownBytes)} together.` : ''
  }</p>
<div class="scroll" tabindex="0" role="region" aria-labelledby="${id}columns"><table>
<thead><tr><th scope="col">Column</th><th scope="col">Holds</th><th scope="col" class="n">Rows</th><th scope="col" class="n">Bytes</th><th scope="col" class="n">Of all columns</th><th scope="col" class="n">Bits a row</th></tr></thead>
<tbody>${rows}</tbody></table></div>`
}

/** Templates of a log with when they occur. */
export function templateTable(log: LogAnatomy, id: string): Html {
  const { axis } = log
  const shown = log.templates.slice(0, MOST_TEMPLATES)
  const rest = log.templates.length - shown.length
  const timed = shown.some(({ first }) => first !== undefined)
  const ends =
    axis.by === 'time' ? [shortTime(axis.first, axis), shortTime(axis.last, axis)] : ['first line', 'last line']
  const rows = shown.map((template) => {
    const times = timed ? html`<td class="t">${timesOf(template, axis)}</td>` : raw('')
    return html`<tr><td>${stripOf(template, axis)}</td><td class="n">${formatCount(template.count)}</td><td class="n">${formatShare(template.count / Math.max(1, log.lines))}</td><td class="n">${formatBytes(template.bytes)}</td>${times}<th scope="row" class="wide code">${templateText(template.text)}</th></tr>`
  })
  return html`<h3 id="${id}templates">Templates over ${axis.by === 'time' ? 'time' : 'the log'}</h3>
<p>How often each kind of line occurs, darker where it occurs more, on a scale of its own.${
    rest > 0
      ? ` These are the ${formatCount(shown.length)} most frequent; ${formatCount(rest)} more are in pith templates.`
      : ''
  }</p>
<div class="find" data-table="${id}t" hidden><label for="${id}f">Filter</label><input id="${id}f" type="search" placeholder="text of a template"><output for="${id}f" aria-live="polite"></output></div>
<div class="scroll" tabindex="0" role="region" aria-labelledby="${id}templates"><table id="${id}t">
<thead><tr><th scope="col"><span class="axis"><span>${ends[0]!}</span><span>${ends[1]!}</span></span></th><th scope="col" class="n">Lines</th><th scope="col" class="n">Share</th><th scope="col" class="n">Bytes</th>${
    timed ? html`<th scope="col">First and last</th>` : raw('')
  }<th scope="col">Template</th></tr></thead>
<tbody>${rows}</tbody></table></div>`
}

function templateText(text: string): Html {
  const cut = text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}…` : text
  return raw(escapeText(cut).replace(/&lt;(num|ts|str|rest)&gt;/g, '<i class="slot">$1</i>'))
}

function timesOf({ first, last }: LogTemplate, { dated }: Axis): Html {
  if (first === undefined || last === undefined) return raw('')
  return html`${showTime(first, dated)}<br>${showTime(last, dated)}`
}

/** A time as short as the length of the axis allows. */
function shortTime(time: number, { first, last, dated }: Axis): string {
  const text = showTime(time, true)
  const sameDay = Math.floor(first / 86_400_000) === Math.floor(last / 86_400_000)
  if (sameDay) return text.slice(11)
  return last - first < 40 * 86_400_000 ? text.slice(5, 16) : text.slice(dated ? 0 : 5, 10)
}

/** A strip of steps, shaded by how many lines each has against the one with the most. */
function stripOf({ strip, count }: LogTemplate, axis: Axis): Html {
  const most = Math.max(0, ...strip)
  const runs = new Map<number, string>()
  for (let from = 0; from < strip.length; ) {
    const shade = shadeOf(strip[from]!, most)
    let to = from + 1
    while (to < strip.length && shadeOf(strip[to]!, most) === shade) to++
    if (shade > 0) runs.set(shade, `${runs.get(shade) ?? ''}M${from} 0h${to - from}v1h${from - to}z`)
    from = to
  }
  const paths = [...runs].map(([shade, path]) => html`<path class="h${shade}" d="${path}"/>`)
  const peak = strip.indexOf(most)
  const used = strip.filter((lines) => lines > 0).length
  const place =
    axis.by === 'time'
      ? shortTime(axis.first + ((axis.last - axis.first) * (peak + 0.5)) / STEPS, axis)
      : `line ${formatCount(Math.round((axis.last * (peak + 0.5)) / STEPS))}`
  const label = `${formatCount(count)} lines in ${used} of ${STEPS} steps, most about ${place}`
  return html`<svg class="strip" viewBox="0 0 ${STEPS} 1" preserveAspectRatio="none" role="img" aria-label="${label}"><title>${label}</title>${paths}</svg>`
}

function shadeOf(lines: number, most: number): number {
  if (lines <= 0 || most <= 0) return 0
  return Math.max(1, Math.ceil(SHADES * Math.sqrt(lines / most)))
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)}%`
}
