/** What the page runs: tables of templates are filtered by text. Without it everything is there, unfiltered. */
export const PAGE_SCRIPT: string = `
for (const form of document.querySelectorAll('.find')) {
  form.hidden = false
  const rows = [...document.getElementById(form.dataset.table).tBodies[0].rows].map((row) => [row, row.textContent.toLowerCase()])
  const input = form.querySelector('input')
  const shown = form.querySelector('output')
  input.addEventListener('input', () => {
    const wanted = input.value.toLowerCase()
    let count = 0
    for (const [row, text] of rows) {
      row.hidden = !text.includes(wanted)
      if (!row.hidden) count++
    }
    shown.textContent = wanted === '' ? '' : count + ' of ' + rows.length
  })
}
`
