import { escapeMarkup, type Html, type HtmlPart, htmlTag } from '@pith/core'

export { type Html, raw } from '@pith/core'

/** Characters that would show text in another order than it stands in, and those that show nothing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not stand in a page as they are
const UNSEEN = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

/** Text with nothing in it that a page would take for markup, and with codes for characters that cannot be seen. */
export function escapeText(text: string): string {
  const seen = text.replace(UNSEEN, (c) => {
    const code = c.charCodeAt(0).toString(16)
    return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`
  })
  return escapeMarkup(seen)
}

/** Markup from a template, whose text shows what cannot be seen. */
export const html: (parts: TemplateStringsArray, ...values: readonly HtmlPart[]) => Html = htmlTag(escapeText)
