/** Markup that is safe to put into a page. */
export interface Html {
  readonly html: string
}

/** Characters that would show text in another order than it stands in, and those that show nothing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not stand in a page as they are
const UNSEEN = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g
const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text with nothing in it that a page would take for markup, and with codes for characters that cannot be seen. */
export function escapeText(text: string): string {
  return text
    .replace(UNSEEN, (c) => {
      const code = c.charCodeAt(0).toString(16)
      return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`
    })
    .replace(/[&<>"']/g, (c) => ENTITIES[c]!)
}

/** Markup from a template: text that is put in is escaped, markup and lists of it are not. */
export function html(
  parts: TemplateStringsArray,
  ...values: readonly (string | number | Html | readonly Html[])[]
): Html {
  let text = parts[0]!
  for (const [i, value] of values.entries()) text += markup(value) + parts[i + 1]!
  return { html: text }
}

/** Markup that was made elsewhere and is safe. */
export function raw(text: string): Html {
  return { html: text }
}

function markup(value: string | number | Html | readonly Html[]): string {
  if (typeof value === 'string') return escapeText(value)
  if (typeof value === 'number') return String(value)
  return 'html' in value ? value.html : value.map((part) => part.html).join('')
}
