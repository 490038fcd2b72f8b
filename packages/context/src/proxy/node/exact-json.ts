/** The third argument that `JSON.parse` gives its reviver (ECMAScript 2026). */
interface Source {
  readonly source?: string
}

const { rawJSON } = JSON as typeof JSON & { rawJSON: (text: string) => unknown }

/**
 * JSON whose numbers are written by `JSON.stringify` as they stood: ids of many digits, `1.0`, `1e400`.
 *
 * @throws SyntaxError the text is no JSON
 */
export function parseExact(text: string): unknown {
  return JSON.parse(text, (_key: string, value: unknown, ...[context]: readonly Source[]) => {
    const source = context?.source
    return typeof value === 'number' && source !== undefined && String(value) !== source ? rawJSON(source) : value
  })
}
