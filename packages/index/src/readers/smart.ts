/** Collections of the SMART system: records that start with `.I` and parts that start with `.T`, `.A`, `.W` ... */
import type { ByteSource, Source } from '@pith/core'
import { lineError, nameOf, readLines, shown, type TextOptions } from '../lines.ts'
import type { IndexDocument } from '../types.ts'
import { collapse } from './text.ts'

/** Names of the parts that become fields. */
const FIELDS: Readonly<Record<string, string>> = {
  A: 'author',
  B: 'source',
  K: 'keywords',
  C: 'categories',
  N: 'entered',
}
/** Most characters of one record. */
const MAX_RECORD = 2 ** 26

/**
 * Documents of a SMART file: the title is `.T`, the text `.W` and the keywords of `.K`; author, source, keywords, categories
 * and date are fields, cross references are left out. White space is collapsed. Files of queries read the same.
 *
 * @throws PithError `PITH_CORRUPT` text before the first `.I`, a record without an id, with the line; as `readLines`
 */
export async function* readSmart(
  source: ByteSource | Source,
  options: TextOptions = {},
): AsyncGenerator<IndexDocument, void, undefined> {
  const name = nameOf(source as Source, options)
  let record: SmartRecord | undefined
  for await (const { first, lines } of readLines(source, options)) {
    for (const [i, line] of lines.entries()) {
      if (/^\.I(\s|$)/.test(line)) {
        if (record !== undefined) yield documentOf(record)
        const id = line.slice(2).trim()
        if (id === '') throw lineError('PITH_CORRUPT', name, first + i, 'starts a record without an id')
        record = { id, parts: new Map(), part: '', length: 0 }
      } else if (record !== undefined) {
        add(record, line, name, first + i)
      } else if (line.trim() !== '') {
        throw lineError('PITH_CORRUPT', name, first + i, `is ${shown(line)}, expected a record that starts with .I`)
      }
    }
  }
  if (record !== undefined) yield documentOf(record)
}

interface SmartRecord {
  readonly id: string
  readonly parts: Map<string, string[]>
  part: string
  length: number
}

function add(record: SmartRecord, line: string, name: string, place: number): void {
  const start = /^\.([A-Z])\s*$/.exec(line)
  if (start !== null) {
    record.part = start[1] as string
    return
  }
  record.length += line.length
  if (record.length > MAX_RECORD)
    throw lineError('PITH_LIMIT', name, place, `makes a record of more than ${MAX_RECORD} characters`)
  const own = record.parts.get(record.part)
  if (own === undefined) record.parts.set(record.part, [line])
  else own.push(line)
}

function documentOf({ id, parts }: SmartRecord): IndexDocument {
  const textOf = (part: string): string => collapse((parts.get(part) ?? []).join(' '))
  const title = textOf('T')
  const text = [textOf('W'), textOf('K')].filter((part) => part !== '').join('\n')
  const fields = Object.entries(FIELDS)
    .map(([part, field]) => [field, textOf(part)] as const)
    .filter(([, value]) => value !== '')
  return {
    id,
    ...(title === '' ? {} : { title }),
    text,
    ...(fields.length === 0 ? {} : { fields: Object.fromEntries(fields) }),
  }
}
