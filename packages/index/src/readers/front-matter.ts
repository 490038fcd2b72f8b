/** The fields that stand before a Markdown text, in the part of YAML that people write there. */
import type { FieldValue } from '../types.ts'

/** Longest front matter, in lines: a rule at the top of a text opens none. */
const MAX_LINES = 1000

/**
 * Take the front matter off a Markdown text: lines `key: value`, `key: [a, b]` or a list of `- a` below the key, between two
 * lines `---`. Values that no such form has are left out.
 *
 * @returns the fields, and how many lines they take with their fences; none where the text does not start so
 */
export function frontMatter(lines: readonly string[]): { fields: Readonly<Record<string, FieldValue>>; taken: number } {
  const none = { fields: {}, taken: 0 }
  if (lines[0]?.trimEnd() !== '---') return none
  const end = lines.slice(1, MAX_LINES).findIndex((line) => /^(---|\.\.\.)\s*$/.test(line)) + 1
  if (end === 0) return none
  const fields = new Map<string, FieldValue>()
  for (let i = 1; i < end; i++) {
    const match = /^([^\s:#-][^:]{0,99}?)\s*:(?:\s(.*))?$/.exec(lines[i] as string)
    if (match === null) continue
    const key = unquote(match[1] as string)
    const value = (match[2] ?? '').trim()
    if (value !== '') {
      const field = valueOfText(value)
      if (field !== undefined) fields.set(key, field)
      continue
    }
    const items: string[] = []
    while (i + 1 < end && /^\s*- /.test(lines[i + 1] as string))
      items.push(unquote(stripComment((lines[++i] as string).trim().slice(2))))
    if (items.length > 0) fields.set(key, items)
  }
  return { fields: Object.fromEntries(fields), taken: end + 1 }
}

function valueOfText(text: string): FieldValue | undefined {
  if (/^["']/.test(text)) return unquote(text)
  if (/^\[.*\]$/.test(text)) {
    const items = splitItems(text.slice(1, -1))
    return items.length === 0 ? undefined : items
  }
  const plain = stripComment(text)
  // Blocks, anchors, objects and nothing.
  if (/^[|>&*!{]/.test(plain) || /^(~|null)?$/i.test(plain)) return undefined
  if (/^(true|false)$/i.test(plain)) return plain.toLowerCase() === 'true'
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain) && String(Number(plain)) === plain ? Number(plain) : plain
}

/** Items between commas; commas in quotes do not part them. */
function splitItems(text: string): string[] {
  return (text.match(/"[^"]*"|'[^']*'|[^,"']+/g) ?? [])
    .map((item) => unquote(item.trim()))
    .filter((item) => item !== '')
}

function stripComment(text: string): string {
  const at = text.search(/\s#/)
  return at < 0 ? text.trim() : text.slice(0, at).trim()
}

function unquote(text: string): string {
  const match = /^"(.*)"$|^'(.*)'$/s.exec(text.trim())
  return match === null
    ? text.trim()
    : (match[1]?.replace(/\\(["\\])/g, '$1') ?? (match[2] as string).replaceAll("''", "'"))
}
