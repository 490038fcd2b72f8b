/** JSON of headers from strangers: parsed, with keys that stand twice refused. */
import { PithError } from '@pith/core'

const decoder = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Containers within containers that a header may have. */
const MAX_DEPTH = 64

/**
 * The value of a JSON text.
 *
 * @param what  the file or header, for messages
 * @param hint  what to do where it is no text or no JSON
 * @throws PithError `PITH_CORRUPT` no UTF-8, no JSON, a key that stands twice in an object, more than 64 levels
 */
export function parseJsonBytes(bytes: Uint8Array, what: string, hint?: string): unknown {
  const further = hint === undefined ? {} : { hint }
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch (cause) {
    throw new PithError('PITH_CORRUPT', `${what} is not UTF-8`, { cause, ...further })
  }
  // Before parsing, as the engine's parser may recurse.
  checkKeys(text, what)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new PithError('PITH_CORRUPT', `${what} is not JSON`, { cause, ...further })
  }
}

/** Refuse keys that stand twice. What is no JSON at all passes: the parser refuses it. */
function checkKeys(text: string, what: string): void {
  const levels: (Set<string> | undefined)[] = []
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (char === '{' || char === '[') {
      levels.push(char === '{' ? new Set() : undefined)
      if (levels.length > MAX_DEPTH) throw new PithError('PITH_CORRUPT', `${what} has more than ${MAX_DEPTH} levels`)
    } else if (char === '}' || char === ']') levels.pop()
    else if (char === '"') {
      const start = at
      at = endOfString(text, at)
      const keys = levels.at(-1)
      if (keys !== undefined && isKey(text, at + 1)) {
        const key = keyOf(text.slice(start, at + 1))
        if (keys.has(key)) {
          throw new PithError('PITH_CORRUPT', `${what} has the key ${JSON.stringify(key.slice(0, 80))} twice`)
        }
        keys.add(key)
      }
    }
  }
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"') return at
  }
  return text.length
}

function isKey(text: string, from: number): boolean {
  let at = from
  while (at < text.length && ' \t\n\r'.includes(text[at] as string)) at++
  return text[at] === ':'
}

/** The same key may be written with and without escapes. */
function keyOf(quoted: string): string {
  if (!quoted.includes('\\')) return quoted.slice(1, -1)
  try {
    return JSON.parse(quoted) as string
  } catch {
    return quoted
  }
}

/** Whether a value of JSON is an object and no array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
