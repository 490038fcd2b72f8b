import { formatBytes, formatCount, formatRatio, formatShare } from '@pith/core'
import type { Answer, Question } from './messages.ts'

const worker = new Worker('./worker.js', { type: 'module' })
const status = find('#status')
const drop = find('#drop')
const file = find<HTMLInputElement>('#file')
const hits = find('#hits')
const templates = find('#templates')
let search = 0

function find<T extends HTMLElement>(selector: string): T {
  return document.querySelector<T>(selector) as T
}

function ask(question: Question): void {
  worker.postMessage(question)
}

function tell(text: string, bad = false): void {
  status.textContent = text
  status.classList.toggle('bad', bad)
}

/** A row of a number and a text; what a log says is only ever text. */
function addRow(section: HTMLElement, amount: number, text: string): void {
  const row = (section.querySelector('tbody') as HTMLTableSectionElement).insertRow()
  const number = row.insertCell()
  number.className = 'n'
  number.textContent = formatCount(amount)
  row.insertCell().append(Object.assign(document.createElement('code'), { textContent: text }))
}

function clear(section: HTMLElement): void {
  section.querySelector('tbody')?.replaceChildren()
}

function open(target: File | string): void {
  search++
  find('#log').hidden = true
  hits.hidden = true
  templates.hidden = true
  clear(hits)
  clear(templates)
  tell('Opening …')
  ask({ ask: 'open', target })
}

worker.addEventListener('message', ({ data }: MessageEvent<Answer>) => {
  if (data.say === 'opened') {
    find('#log').hidden = false
    const sizes = `${formatBytes(data.rawBytes)} in ${formatBytes(data.size)} (${formatRatio(data.rawBytes / data.size)})`
    tell(`${data.name}: ${formatCount(data.lines)} lines, ${sizes}`)
    find('#pattern').focus()
  } else if (data.say === 'templates') {
    templates.hidden = false
    for (const { count, text } of data.templates) addRow(templates, count, text)
  } else if (data.say === 'failed') tell(data.message, true)
  else if (data.id !== search) return
  else if (data.say === 'lines') for (const { line, text } of data.lines) addRow(hits, line, text)
  else {
    const share = formatShare(data.bytes / data.size)
    const shown = hits.querySelectorAll('tbody tr').length
    const more = data.count > shown ? `, the first ${formatCount(shown)} are shown` : ''
    tell(`${formatCount(data.count)} lines${more}. Read ${formatBytes(data.bytes)}, ${share} of the file.`)
  }
})

find('#search').addEventListener('submit', (event) => {
  event.preventDefault()
  const pattern = find<HTMLInputElement>('#pattern').value
  if (pattern === '') return
  clear(hits)
  hits.hidden = false
  tell('Searching …')
  const fixed = !find<HTMLInputElement>('#regexp').checked
  ask({ ask: 'search', id: ++search, pattern, fixed, ignoreCase: find<HTMLInputElement>('#fold').checked })
})

file.addEventListener('change', () => {
  const chosen = file.files?.[0]
  if (chosen !== undefined) open(chosen)
})
addEventListener('dragover', (event) => {
  event.preventDefault()
  drop.classList.add('over')
})
addEventListener('dragleave', () => drop.classList.remove('over'))
addEventListener('drop', (event) => {
  event.preventDefault()
  drop.classList.remove('over')
  const dropped = event.dataTransfer?.files[0]
  if (dropped !== undefined) open(dropped)
})

// A log on the server of the page: ?url=app.log.pith reads it by ranges.
const url = new URLSearchParams(location.search).get('url')
if (url !== null) open(new URL(url, location.href).href)
