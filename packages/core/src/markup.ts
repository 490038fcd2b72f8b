/** Markup that is safe to put into a page. */
export interface Html {
  readonly html: string
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text with nothing in it that a page would take for markup. */
export function escapeMarkup(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => ENTITIES[sign] as string)
}

/** Markup that was made elsewhere and is safe. */
export function raw(text: string): Html {
  return { html: text }
}

/** What may stand in a template of markup. */
export type HtmlPart = string | number | Html | readonly Html[]

/** Makes markup of templates: text that is put in is escaped, markup and lists of it are not. */
export function htmlTag(
  clean: (text: string) => string,
): (parts: TemplateStringsArray, ...values: readonly HtmlPart[]) => Html {
  const markup = (value: HtmlPart): string => {
    if (typeof value === 'string') return clean(value)
    if (typeof value === 'number') return String(value)
    return 'html' in value ? value.html : value.map((part) => part.html).join('')
  }
  return (parts: TemplateStringsArray, ...values: readonly HtmlPart[]): Html => {
    let text = parts[0] as string
    for (const [i, value] of values.entries()) text += markup(value) + (parts[i + 1] as string)
    return { html: text }
  }
}
