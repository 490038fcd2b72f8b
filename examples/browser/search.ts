// A search box over an index that lies beside the page on any web server: search.html?index=docs.pith
import { formatBytes, formatCount, httpSource } from '@pith/core'
import { makeSnippet, type SnippetPart, served, wantedTerms } from '@pith/index/serve'
import { openIndex } from '@pith/index/store'

const query = document.querySelector('#query') as HTMLInputElement
const status = document.querySelector('#status') as HTMLOutputElement
const list = document.querySelector('#hits') as HTMLOListElement

const address = new URL(new URLSearchParams(location.search).get('index') ?? 'docs.pith', location.href)
const file = await httpSource(address.href).catch(fail)
const index = await openIndex(file).catch(fail)
const { analyzer } = served('docs', index)
query.disabled = false
query.focus()
tell(`${formatCount(index.info.documents)} documents`)

let turn = 0
query.addEventListener('input', async () => {
  const own = ++turn
  const text = query.value
  if (text.trim() === '') return list.replaceChildren()
  const start = performance.now()
  try {
    const { hits } = await index.search({ text, documents: true, typos: true, lastIsPrefix: true })
    // What was typed since then has its own answer.
    if (own !== turn) return
    const wanted = wantedTerms(text, analyzer)
    list.replaceChildren(
      ...hits.map(({ id, document: found }) => {
        const item = document.createElement('li')
        const heading = item.appendChild(document.createElement('h2'))
        const link = heading.appendChild(document.createElement('a'))
        link.href = pageOf(found?.fields?.['link'] ?? id)
        link.append(...marked(makeSnippet(found?.title ?? id, wanted, analyzer)))
        item
          .appendChild(document.createElement('p'))
          .append(...marked(makeSnippet(found?.text ?? '', wanted, analyzer)))
        return item
      }),
    )
    const ms = performance.now() - start
    const read = `${formatBytes(file.bytes)} of ${formatBytes(file.size)} read`
    tell(`${hits.length === 0 ? 'Nothing found' : `${hits.length} found`} in ${ms.toFixed(0)} ms, ${read} so far`)
  } catch (error) {
    fail(error)
  }
})

/** Texts are only ever text. */
function marked(parts: readonly SnippetPart[]): Node[] {
  return parts.map(({ text, hit }) => {
    if (!hit) return document.createTextNode(text)
    return Object.assign(document.createElement('mark'), { textContent: text })
  })
}

/** The page that was made of a file of Markdown; nothing leads off this server. */
function pageOf(link: unknown): string {
  const url = new URL(String(link).replace(/\.(md|markdown)(?=#|$)/, '.html'), new URL('.', address))
  return url.origin === location.origin ? url.href : '#'
}

function tell(text: string, bad = false): void {
  status.textContent = text
  status.classList.toggle('bad', bad)
}

function fail(error: unknown): never {
  tell(error instanceof Error ? error.message : String(error), true)
  throw error
}
