import { expect, test } from 'vitest'
import { escapeMarkup, htmlTag, raw } from './markup.ts'

test('text in a template is escaped, markup and lists of it are not', () => {
  const html = htmlTag(escapeMarkup)
  const item = html`<li title="${'"\'>'}">${'<b>&amp;'}</li>`
  expect(item.html).toBe('<li title="&quot;&#39;&gt;">&lt;b&gt;&amp;amp;</li>')
  expect(html`<ul>${[item, raw('<hr>')]}</ul>${3}`.html).toBe(`<ul>${item.html}<hr></ul>3`)
})
