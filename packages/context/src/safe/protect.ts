/** Which parts of a text a reader cannot do without, or must not be left with half of. */
import type { Protection, ProtectKind, Span } from '../types.ts'
import { joinSpans } from './pieces.ts'

/** Each pattern is linear: bounded repeats, no nested ones. */
const PATTERNS: Readonly<Record<ProtectKind, readonly RegExp[]>> = {
  code: [/^(```|~~~)[^\n]*\n(?:(?!\1)[^\n]*\n)*(?:\1[^\n]*)?/gm, /`[^`\n]{1,400}`/g],
  // Dates, times, amounts, percentages, versions: digits and what belongs to them.
  numbers: [
    /[-+±]?[$€£¥]?(?<![\p{L}\d])\d(?:[\d.,:/%°]*[\d%°])?(?:[eE][-+]?\d+)?[\p{L}%°]{0,12}/gu,
    /(?<=\p{L})[-_]?\d[\p{L}\d._-]{0,64}/gu,
  ],
  links: [/\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s<>"']{1,2000}/gi, /[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}/g],
  paths: [/(?<![\w/\\])(?:~|\.{1,2}|[A-Za-z]:)?[/\\](?:[\w@.+~-]{1,255}[/\\]?){1,64}/g],
  ids: [/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi, /\b(?=[0-9a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,128}\b/gi],
  structure: [/^#{1,6} [^\n]*$/gm, /^[ \t]{0,12}(?:[-*+]|\d{1,3}[.)])(?= )/gm, /^[ \t]*\|[^\n]*\|[ \t]*$/gm],
  negations: [/\b(?:not|never|no|none|nor|neither|without|except|unless|cannot|[a-z]{2,8}n['’]t)\b/gi],
}

/** All kinds. */
export const PROTECT_KINDS: readonly ProtectKind[] = Object.keys(PATTERNS) as ProtectKind[]

/** Spans of a text that must stay, joined and ascending. */
export function protectedSpans(
  text: string,
  { kinds = PROTECT_KINDS, patterns = [], spans = [] }: Protection = {},
): Span[] {
  const found: Span[] = [...spans]
  for (const pattern of [...kinds.flatMap((kind) => PATTERNS[kind]), ...patterns]) {
    // Every match counts: also those before where a pattern was last used, and those that do not follow each other.
    const global = new RegExp(pattern.source, `${pattern.flags.replace(/[gy]/g, '')}g`)
    for (const match of text.matchAll(global)) found.push({ start: match.index, end: match.index + match[0].length })
  }
  return joinSpans(found.map(({ start, end }) => ({ start: Math.max(0, start), end: Math.min(text.length, end) })))
}
