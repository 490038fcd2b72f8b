/** Functions of packages with the questions that their doc comments answer. */
import { type CodeParser, type CodeUnit, languageOf } from '@pith/context/longcodezip'
import { type CodePackage, filesOfPackage, type PackageFile } from './code-packages.ts'

/** A function, without its doc comment. */
export interface CodeRow {
  readonly repo: string
  readonly lang: string
  readonly path: string
  readonly name: string
  /** First paragraph of its doc comment without its own name; empty where there is none. */
  readonly query: string
  readonly code: string
  /** Classes around it, the outermost first. */
  readonly classes: readonly string[]
}

const LINES = [4, 250] as const
const MIN_WORDS = 4
/** Comments that are no documentation. */
const NO_DOC =
  /copyright|licen[sc]e|eslint|istanbul|tslint|prettier|@ts-|todo|fixme|noqa|deprecated|nolint|see https?:/i

/** Functions of a package in the order of its files; those of 4 to 250 lines, the first of those that are the same. */
export async function rowsOfPackage(own: CodePackage, parser: CodeParser, cache: string): Promise<CodeRow[]> {
  const rows: CodeRow[] = []
  const seen = new Set<string>()
  for (const file of filesOfPackage(own, cache)) {
    for (const row of await rowsOfFile(own.name, file, parser)) {
      if (seen.has(row.code)) continue
      seen.add(row.code)
      rows.push(row)
    }
  }
  return rows
}

/** Files of a package without the doc comments of its functions, so that no question stands in what is searched. */
export async function filesWithoutDocs(own: CodePackage, parser: CodeParser, cache: string): Promise<PackageFile[]> {
  const files: PackageFile[] = []
  for (const { path, text } of filesOfPackage(own, cache)) {
    const lang = languageOf(path)?.id ?? ''
    let [bare, at] = ['', 0]
    for (const { kind, span } of await parser.outline(path, text)) {
      if (kind !== 'function') continue
      bare += text.slice(at, span.start) + withoutDoc(text.slice(span.start, span.end), lang).code
      at = span.end
    }
    files.push({ path, text: bare + text.slice(at) })
  }
  return files
}

async function rowsOfFile(repo: string, { path, text }: PackageFile, parser: CodeParser): Promise<CodeRow[]> {
  const units = await parser.outline(path, text)
  const lang = languageOf(path)?.id ?? ''
  return units.flatMap((unit): CodeRow[] => {
    if (unit.kind !== 'function') return []
    const { doc, code } = withoutDoc(text.slice(unit.span.start, unit.span.end), lang)
    const lines = code.trim().split('\n').length
    if (lines < LINES[0] || lines > LINES[1]) return []
    return [
      { repo, lang, path, name: unit.name, query: questionOf(doc, unit.name), code, classes: classesOf(unit, units) },
    ]
  })
}

function classesOf(unit: CodeUnit, units: readonly CodeUnit[]): string[] {
  const names: string[] = []
  for (let at = unit.parent; at !== undefined; at = units[at]?.parent) names.unshift(units[at]?.name ?? '')
  return names
}

/** A function and what is said of it, apart. */
function withoutDoc(code: string, lang: string): { doc: string; code: string } {
  if (lang === 'python') {
    const found = /(:[^\n]*\n(?:[ \t]*#[^\n]*\n|\s*\n)*)([ \t]*)[rRuU]?("""|''')([\s\S]*?)\3[ \t]*\n?/.exec(code)
    const head = found === null ? '' : code.slice(0, found.index + 1)
    // A text behind other statements is no doc comment.
    if (found === null || /\n[ \t]+(?:return|if|for|with|try|raise|self)\b/.test(head)) return { doc: '', code }
    return {
      doc: found[4] ?? '',
      code: code.slice(0, found.index) + found[1] + code.slice(found.index + found[0].length),
    }
  }
  const [said, kept]: [string[], string[]] = [[], []]
  let at = 0
  while (at < code.length) {
    const block = /^\s*\/\*[\s\S]*?\*\/[ \t]*\n?/.exec(code.slice(at))?.[0]
    const line = /^[^\n]*\n?/.exec(code.slice(at))?.[0] as string
    // Of several comments the last one is that of the function.
    if (block !== undefined) said.splice(0, said.length, block)
    else if (/^\s*\/\//.test(line)) said.push(/^\s*\/\/(?:#|\/{3})/.test(line) ? '' : line)
    else if (/^\s*(?:#\[|@)/.test(line) || line.trim() === '') kept.push(line)
    else break
    at += block?.length ?? line.length
  }
  const doc = said
    .join('')
    .split('\n')
    .map((line) => line.replace(/^\s*(?:\/\*[*!]?|\/\/[/!]?|\*(?!\/))?\s?/, '').replace(/\*\/\s*$/, ''))
    .join('\n')
  return { doc, code: kept.join('') + code.slice(at) }
}

/** The first paragraph of a comment, without tags, markup and the name of the function. */
function questionOf(doc: string, name: string): string {
  if (NO_DOC.test(doc.slice(0, 200))) return ''
  const first = doc
    .replace(/^[ \t]*@(?:name|category|function|static|private|memberOf)\b[^\n]*\n/gm, '')
    .replace(/^[ \t]*(?:@(?:brief|summary|description)|\\brief)\s*/gm, '')
    .trim()
    .split(/\n\s*\n|\n\s*@[a-z]|\n\s*#+ /i)[0] as string
  if (/^@[a-z]/i.test(first)) return ''
  const own = /[\w$]+$/.exec(name)?.[0] ?? ''
  const text = first
    .replace(/\{@\w+\s+([^}]*)\}/g, '$1')
    .replace(/<[^>\n]{1,80}>/g, ' ')
    .replace(/[`*]/g, ' ')
    .split(/([\w$]+)/)
    .filter((word) => own === '' || word !== own)
    .join('')
    .replace(/\s+/g, ' ')
    .trim()
  return (text.match(/[\p{L}]{2,}/gu) ?? []).length >= MIN_WORDS ? text : ''
}
