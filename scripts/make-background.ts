/**
 * Make packages/context/src/select/background-table.ts: of how many texts of about 60 terms, in 10,000, a term stands in, over mixed
 * English text. `PITH_DATA=… node --conditions=pith-dev scripts/make-background.ts`; downloads six packages of Debian 12 with apt-get.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { termsOf } from '../packages/context/src/select/terms.ts'

const PACKAGES = ['dict-gcide', 'dict-wn', 'dict-foldoc', 'fortunes', 'anarchism', 'debian-reference-en']
/** Terms of one text, texts that shares are told of, and the most bytes that the terms may take. */
const WINDOW = 60
const DOCUMENTS = 10_000
const MAX_BYTES = 185_000
/** Steps of the shares that are told apart. */
const STEPS_PER_E = 5

const data = process.env['PITH_DATA']
if (data === undefined) throw new Error('PITH_DATA names no folder')

const folder = mkdtempSync(join(tmpdir(), 'pith-background-'))
for (const name of PACKAGES) {
  execFileSync('apt-get', ['download', '-qq', name], { cwd: folder, stdio: ['ignore', 'ignore', 'ignore'] })
  const deb = readdirSync(folder).find((file) => file.startsWith(`${name}_`)) as string
  execFileSync('dpkg-deb', ['-x', deb, name], { cwd: folder })
}

const read = (path: string): string => readFileSync(join(data, path), 'utf8')
const dictionary = (name: string): string =>
  execFileSync('zcat', [join(folder, `dict-${name}/usr/share/dictd/${name}.dict.dz`)], {
    maxBuffer: 2 ** 28,
    encoding: 'utf8',
  })
const files = (path: string, is: (name: string) => boolean): string[] =>
  readdirSync(join(folder, path))
    .filter(is)
    .sort()
    .map((name) => readFileSync(join(folder, path, name), 'utf8'))
const paragraphs = (text: string): string[] => text.split(/\r?\n\s*\n/)
const pages = (texts: readonly string[]): string[] =>
  texts.flatMap((text) =>
    text
      .replace(/<(script|style|head)\b[\s\S]*?<\/\1>/gi, ' ')
      .replace(/<\/(?:p|div|li|h\d|td|pre)>/gi, '\n\n')
      .replace(/<[^>]*>|&\w+;/g, ' ')
      .split(/\n\n/),
  )
const rows = (path: string): string[] => {
  const lines = read(path).trim().split('\n')
  return lines.map((line) => String(JSON.parse(line).text))
}
const wiki = (text: string): string[] =>
  text
    .replaceAll('<unk>', ' ')
    .replace(/ @(.)@ /g, '$1')
    .split('\n')

/** Texts, and how much each kind of text counts. */
const SOURCES: readonly (readonly [weight: number, texts: () => string[]])[] = [
  [1.5, () => wiki(read('weights/text/wikitext2.test.txt'))],
  [1.5, () => wiki(read('kv/text/wikitext2.valid.tokens'))],
  [1, () => paragraphs(read('text/corpus/world192.txt'))],
  [1, () => paragraphs(read('text/corpus/war_and_peace.txt'))],
  [0.5, () => paragraphs(read('kv/text/tinystories.lower.train.txt'))],
  [0.5, () => rows('weights/text/medquad.jsonl')],
  [0.3, () => rows('weights/text/legalbench.jsonl')],
  [1, () => paragraphs(dictionary('gcide').replaceAll('[1913 Webster]', ''))],
  [
    1,
    () =>
      dictionary('wn')
        .replace(/\[syn:[^\]]*\]/g, '')
        .split(/\n(?=\S)/),
  ],
  [0.5, () => paragraphs(dictionary('foldoc'))],
  [
    1,
    () =>
      files('fortunes/usr/share/games/fortunes', (name) => !name.includes('.')).flatMap((text) => text.split('\n%\n')),
  ],
  [0.5, () => pages(files('anarchism/usr/share/doc/anarchism/html', (name) => name.endsWith('.html')))],
  [0.5, () => pages(files('debian-reference-en/usr/share/debian-reference', (name) => name.endsWith('.en.html')))],
]

const shares = new Map<string, { share: number; count: number }>()
const total = SOURCES.reduce((sum, [weight]) => sum + weight, 0)
for (const [weight, texts] of SOURCES) {
  const terms = texts().flatMap((text) => termsOf(text))
  const windows = Math.ceil(terms.length / WINDOW)
  const counts = new Map<string, number>()
  for (let at = 0; at < terms.length; at += WINDOW) {
    for (const term of new Set(terms.slice(at, at + WINDOW))) counts.set(term, (counts.get(term) ?? 0) + 1)
  }
  for (const [term, count] of counts) {
    const own = shares.get(term) ?? { share: 0, count: 0 }
    shares.set(term, { share: own.share + ((weight / total) * count) / windows, count: own.count + count })
  }
}
rmSync(folder, { recursive: true, force: true })

let bytes = 0
const levels = new Map<number, string[]>()
const ranked = [...shares]
  .filter(([term, { count }]) => count > 3 && /^(?:[a-z]{1,24}|\d{1,4})$/.test(term))
  .sort(([a, { share: x }], [b, { share: y }]) => y - x || (a < b ? -1 : 1))
for (const [term, { share }] of ranked) {
  bytes += term.length + 1
  if (bytes > MAX_BYTES) break
  const level = Math.round(STEPS_PER_E * Math.log(share))
  levels.set(level, [...(levels.get(level) ?? []), term])
}
const lines = [...levels].map(([level, terms]) => {
  const frequency = Number((DOCUMENTS * Math.exp(level / STEPS_PER_E)).toPrecision(3))
  return `  [${frequency}, '${terms.sort().join(' ')}'],`
})
writeFileSync(
  join(import.meta.dirname, '../packages/context/src/select/background-table.ts'),
  `/** Made by scripts/make-background.ts of mixed English text: how many of ${DOCUMENTS} texts of ${WINDOW} terms have a term. */
export const BACKGROUND_DOCUMENTS = ${DOCUMENTS}

/** Texts, and the terms that stand in about as many. */
export const BACKGROUND_TERMS: readonly (readonly [texts: number, terms: string])[] = [
${lines.join('\n')}
]
`,
)
process.stdout.write(`${[...levels.values()].flat().length} terms in ${levels.size} levels, ${bytes} bytes\n`)
