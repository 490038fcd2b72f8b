/** The style and the script of the search page. */

export const PAGE_STYLE: string = `:root{color-scheme:light dark;--ground:#fbfbfc;--ink:#1b1f26;--soft:#5a626e;--line:#d9dde3;--focus:#1f5fd0;--mark:#fff0b3}
@media(prefers-color-scheme:dark){:root{--ground:#111418;--ink:#e8ebf0;--soft:#9aa4b2;--line:#2b313a;--focus:#8ab4ff;--mark:#57470b}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:860px;padding:24px 20px 64px;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
h1{font-size:18px;margin:0 0 12px;overflow-wrap:anywhere}
h1 a{color:inherit;text-decoration:none}
form{display:flex;gap:8px}
input,select,button{font:inherit;color:inherit;background:transparent;border:1px solid var(--line);border-radius:8px;padding:8px 12px}
input{flex:1;min-width:0}
:focus-visible{outline:3px solid var(--focus);outline-offset:1px}
a{color:var(--focus)}
.note,.facts,.pages,nav{color:var(--soft);font-size:14px}
.time,.facts{font-variant-numeric:tabular-nums}
ol{list-style:none;margin:0;padding:0}
ol>li{margin:0 0 22px}
li h2{font-size:17px;line-height:1.35;margin:0;font-weight:600;overflow-wrap:anywhere}
li p{margin:2px 0;overflow-wrap:anywhere}
.facts span{margin-right:10px}
mark{background:var(--mark);color:inherit;border-radius:2px}
nav{border:1px solid var(--line);border-radius:8px;padding:8px 14px;margin:0 0 18px}
nav h2{font-size:14px;margin:4px 0}
nav ul{display:flex;flex-wrap:wrap;gap:2px 14px;list-style:none;margin:0 0 6px;padding:0}
nav [aria-current]{font-weight:600;text-decoration:none}
.pages a{margin-right:14px}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font:inherit}
`

/** Answers while one types; what is shown is the page that the server makes anyway. */
export const PAGE_SCRIPT: string = `'use strict'
const form = document.forms[0]
const answer = document.getElementById('answer')
let turn = 0
let timer = 0
async function show(address, push, typing) {
  const own = ++turn
  try {
    const reply = await fetch(address + (typing ? '&typing=1' : ''), { headers: { accept: 'text/html' } })
    const page = new DOMParser().parseFromString(await reply.text(), 'text/html')
    if (own !== turn) return
    answer.replaceChildren(...document.adoptNode(page.getElementById('answer')).childNodes)
    document.title = page.title
    if (push) history.pushState(null, '', address)
    else history.replaceState(null, '', address)
  } catch {
    if (own === turn) answer.textContent = 'The server does not answer.'
  }
}
function address() {
  const words = new URLSearchParams(new FormData(form))
  for (const [name, value] of new URLSearchParams(location.search)) if (name.startsWith('f.')) words.append(name, value)
  return './?' + words
}
form.addEventListener('input', () => {
  clearTimeout(timer)
  timer = setTimeout(() => show(address(), false, true), 120)
})
form.addEventListener('submit', (event) => {
  event.preventDefault()
  clearTimeout(timer)
  show(address(), true)
})
answer.addEventListener('click', (event) => {
  const link = event.target.closest('nav a, .pages a')
  if (link === null || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return
  event.preventDefault()
  show(link.href, true)
})
addEventListener('popstate', () => location.reload())
`
