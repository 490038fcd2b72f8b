/** Code cut for a question: is the right function found, what of it stays, does what stays parse, and what does it take. */

import { CodeParser, compressCode, languageOf } from '@pith/context/longcodezip'
import { installedGrammars } from '@pith/context/longcodezip/node'
import { mean, pairedBootstrap } from '@pith/core'
import { o200kCounter } from '../../packages/context/src/safe/counter.ts'
import { type AcceptContext, costAtMost } from '../measure/accept.ts'
import type { BenchContext } from '../measure/case.ts'
import { textTable } from '../measure/table.ts'
import { type CodeRow, filesWithoutDocs, rowsOfPackage } from './code-corpus.ts'
import { type CodePackage, filesOfPackage, PACKAGES, type PackageFile } from './code-packages.ts'
import { FUNCTION_PEERS, type FunctionRanker, PITH } from './code-peers.ts'

/** Share of the functions of a package among which the right one must be. */
const TOP = 0.1
/** How far ours must be above the best peer that is fed the same terms. */
const LEAD = 0.02
const RATES = [0.1, 0.3, 0.5] as const
const BUDGETS = [1000, 3000] as const
const RETENTIONS = [0.5, 0.8, 1] as const
const FILES_EACH = 10
const QUESTIONS_EACH = 12

/** Packages that no constant was chosen on, and those that nothing at all was chosen on. */
const CHECKS = PACKAGES.filter(({ role }) => role === 'compared')
const UNSEEN = PACKAGES.filter(({ role }) => role === 'unseen')

interface Ranks {
  readonly name: string
  readonly hasOurTerms: boolean
  /** For each question whether the right function is near the top, and one over its rank. */
  readonly top: number[]
  readonly reciprocal: number[]
  /** The package of each question. */
  readonly packages: string[]
}

async function rankAll(packages: readonly CodePackage[], cache: string): Promise<Ranks[]> {
  const parser = new CodeParser(installedGrammars)
  const all = [PITH, ...FUNCTION_PEERS].map(
    ({ name, hasOurTerms }): Ranks => ({ name, hasOurTerms, top: [], reciprocal: [], packages: [] }),
  )
  for (const own of packages) {
    const rows = await rowsOfPackage(own, parser, cache)
    for (const [i, ranker] of [PITH, ...FUNCTION_PEERS].entries()) rankRows(ranker, rows, all[i] as Ranks)
  }
  return all
}

function rankRows(ranker: FunctionRanker, rows: readonly CodeRow[], into: Ranks): void {
  const scoreOf = ranker.build(rows)
  for (const [at, { query, repo }] of rows.entries()) {
    if (query === '') continue
    const rank = rankOf(scoreOf(query), at)
    into.top.push(rank <= Math.max(1, TOP * rows.length) ? 1 : 0)
    into.reciprocal.push(1 / rank)
    into.packages.push(repo)
  }
}

/** Rank of one score, in the middle of those that equal it. */
function rankOf(scores: ArrayLike<number>, at: number): number {
  let [above, same] = [0, 0]
  for (let i = 0; i < scores.length; i++) {
    if ((scores[i] as number) > (scores[at] as number)) above++
    else if (i !== at && scores[i] === scores[at]) same++
  }
  return 1 + above + same / 2
}

/** The function that a question is about is among the best tenth more often than with any peer. */
export async function acceptCodeRanking({ cache, check, say }: AcceptContext): Promise<void> {
  for (const [kind, packages] of Object.entries({ 'other packages': CHECKS, 'packages not seen before': UNSEEN })) {
    const [ours, ...peers] = (await rankAll(packages, cache)) as [Ranks, ...Ranks[]]
    say(packages.map(({ name, version }) => `${name} ${version}`).join(', '))
    say(rankTable([ours, ...peers]))
    const fed = peers.filter(({ hasOurTerms }) => hasOurTerms)
    const best = fed.reduce((a, b) => (mean(b.top) > mean(a.top) ? b : a))
    const { value, interval } = pairedBootstrap(ours.top, best.top)
    const figure = `${value.toFixed(3)} (${interval[0].toFixed(3)} to ${interval[1].toFixed(3)}) above ${best.name}, ${ours.top.length} questions`
    check(`code: right function in the top 10 %, ${kind}`, value >= LEAD && interval[0] > 0, figure)
  }
}

function rankTable(all: readonly Ranks[]): string {
  const rows = all.map(({ name, top, reciprocal, packages }) => {
    const names = [...new Set(packages)]
    const each = names.map((own) => mean(top.filter((_, i) => packages[i] === own)))
    return [name, mean(top).toFixed(3), mean(each).toFixed(3), mean(reciprocal).toFixed(3)]
  })
  return textTable(['ranker', 'top 10 %', 'mean of packages', 'MRR'], rows)
}

/** Ranking as cases. */
export async function benchCodeRanking(context: BenchContext): Promise<void> {
  const figuresOf = ({ top, reciprocal }: Ranks) => ({ quality: { top10: mean(top), mrr: mean(reciprocal) } })
  for (const [kind, packages] of Object.entries({ 'other packages': CHECKS, 'packages not seen before': UNSEEN })) {
    const [ours, ...peers] = (await rankAll(packages, context.cache)) as [Ranks, ...Ranks[]]
    context.say(rankTable([ours, ...peers]))
    for (const peer of peers) {
      context.add({
        ...{
          system: 'context',
          kind: 'code ranking',
          peer: { name: peer.name },
          params: { packages: packages.length },
        },
        data: { name: `${ours.top.length} functions of ${kind}`, bytes: 0 },
        ...{ ours: figuresOf(ours), theirs: figuresOf(peer), repeats: 1 },
        vs: { top10: mean(ours.top) / mean(peer.top), mrr: mean(ours.reciprocal) / mean(peer.reciprocal) },
      })
    }
  }
}

/** Identifiers of the right function that are left in a text. */
function keptOf(row: CodeRow, text: string): number {
  const own = new Set(row.code.match(IDENTIFIER))
  const left = new Set(text.match(IDENTIFIER))
  return own.size === 0 ? 1 : [...own].filter((name) => left.has(name)).length / own.size
}

const IDENTIFIER = /[A-Za-z_$][\w$]{2,}/g

interface Identifiers {
  readonly budget: number
  readonly ours: readonly (readonly number[])[]
  readonly whole: readonly number[]
}

async function measureIdentifiers(cache: string): Promise<Identifiers[]> {
  const parser = new CodeParser(installedGrammars)
  const counter = await o200kCounter()
  const all = BUDGETS.map((budget) => ({ budget, ours: RETENTIONS.map((): number[] => []), whole: [] as number[] }))
  for (const own of CHECKS) {
    const files = await filesWithoutDocs(own, parser, cache)
    if (files.reduce((sum, { text }) => sum + text.length, 0) > 500_000) continue
    const asked = (await rowsOfPackage(own, parser, cache)).filter(({ query }) => query !== '')
    const step = Math.max(1, Math.floor(asked.length / QUESTIONS_EACH))
    for (const row of asked.filter((_, i) => i % step === 0)) {
      for (const { budget, ours, whole } of all) {
        for (const [i, retention] of RETENTIONS.entries()) {
          const result = await compressCode(files, { query: row.query, budget: { tokens: budget }, retention, parser })
          ours[i]?.push(keptOf(row, result.text))
          if (i > 0) continue
          const text = wholeFunctions(files, result.functions, (own) => counter.count(own) <= budget)
          whole.push(keptOf(row, text))
        }
      }
    }
  }
  return all
}

/** The best functions, whole, behind the names of their files and a mark for what was left out, as many as fit. */
function wholeFunctions(
  files: readonly PackageFile[],
  ranked: Awaited<ReturnType<typeof compressCode>>['functions'],
  fits: (text: string) => boolean,
): string {
  const texts = new Map(files.map(({ path, text }) => [path, text]))
  const parts = new Map<string, string>()
  const join = (own: ReadonlyMap<string, string>): string =>
    [...own].map(([path, code]) => `// ${path}\n${code}`).join('')
  let misses = 0
  for (const { path, span } of ranked) {
    const code = texts.get(path)?.slice(span.start, span.end) ?? ''
    const next = new Map(parts).set(path, `${parts.get(path) ?? ''}// …\n${code}`)
    if (fits(join(next))) parts.set(path, next.get(path) as string)
    else if (++misses >= 8) break
  }
  return join(parts)
}

/** What is left of the right function, by budget and retention, beside whole functions at as many tokens. */
export async function acceptCodeIdentifiers({ cache, check, say }: AcceptContext): Promise<void> {
  const all = await measureIdentifiers(cache)
  const rows = all.map(({ budget, ours, whole }) => [
    `${budget}`,
    ...ours.map((own) => mean(own).toFixed(3)),
    mean(whole).toFixed(3),
  ])
  say(textTable(['tokens', ...RETENTIONS.map((own) => `retention ${own}`), 'whole functions'], rows))
  for (const { budget, ours, whole } of all) {
    const { value, interval } = pairedBootstrap(ours.at(-1) as number[], whole)
    const figure = `${value.toFixed(3)} (${interval[0].toFixed(3)} to ${interval[1].toFixed(3)}), ${whole.length} questions`
    check(`code: identifiers of the answer at ${budget} tokens, not below whole functions`, interval[1] >= 0, figure)
  }
}

/** Whole files at three rates: what stays parses, has its signatures, and is within the budget. */
export async function acceptCodeSound({ cache, check, say }: AcceptContext): Promise<void> {
  const parser = new CodeParser(installedGrammars)
  const counter = await o200kCounter()
  const broken: string[] = []
  const languages = new Set<string>()
  let [cuts, functions, over, unsigned] = [0, 0, 0, 0]
  for (const own of PACKAGES) {
    const files = filesOfPackage(own, cache).filter(({ text }) => text.length > 2000 && text.length < 200_000)
    const step = Math.max(1, Math.floor(files.length / FILES_EACH))
    for (const { path, text } of files.filter((_, i) => i % step === 0)) {
      const language = languageOf(path)?.id
      if (language === undefined) continue
      languages.add(language)
      const before = await parser.errors(text, language)
      for (const rate of RATES) {
        const options = { query: `how does ${own.name} read and check values`, budget: { rate }, parser }
        const result = await compressCode([{ path, text }], options)
        cuts++
        if (counter.count(result.text) > Math.floor(rate * result.originalTokens)) over++
        if ((await parser.errors(result.text, language)) > before) broken.push(`${own.name} ${path} at ${rate}`)
        for (const { kept, span } of result.functions) {
          if (kept === 'none') continue
          functions++
          if (!hasSignature(text.slice(span.start, span.end), result.text)) unsigned++
        }
      }
    }
  }
  say(`${cuts} cuts of ${[...languages].sort().join(', ')}`)
  check(
    'code: what is kept parses',
    broken.length === 0,
    `${broken.length} of ${cuts} with new errors ${broken.slice(0, 3).join('; ')}`,
  )
  check('code: signatures are kept', unsigned === 0, `${unsigned} of ${functions} functions without`)
  check('code: budgets are kept', over === 0, `${over} of ${cuts} above`)
}

/** The first line of a function behind the comments before it. */
function hasSignature(code: string, text: string): boolean {
  const own = code.replace(/^(?:\s*(?:\/\*[\s\S]*?\*\/|\/\/[^\n]*\n|#[ !][^\n]*\n))*\s*/, '')
  return text.includes(own.split('\n')[0]?.trimEnd() ?? '')
}

/** Processor time for a megabyte of source that was not read before. */
export async function acceptCodeSpeed(context: AcceptContext): Promise<void> {
  const files: PackageFile[] = []
  let bytes = 0
  const all = CHECKS.filter(({ name }) => /networkx|rxjs|prometheus/.test(name)).map((own) =>
    filesOfPackage(own, context.cache),
  )
  for (let i = 0; bytes < 1_000_000; i++) {
    for (const own of all) {
      const file = own[i]
      if (file === undefined || bytes >= 1_000_000) continue
      files.push(file)
      bytes += file.text.length
    }
  }
  const options = { query: 'shortest path between two nodes', budget: { tokens: 4000 } }
  const times: number[] = []
  for (let repeat = 0; repeat < 3; repeat++) {
    const parser = new CodeParser(installedGrammars)
    // Grammars are loaded, and compiled, once in a process.
    for (const path of ['a.py', 'a.ts', 'a.go']) await parser.outline(path, 'x\n')
    const from = process.cpuUsage()
    await compressCode(files, { ...options, parser })
    const { user, system } = process.cpuUsage(from)
    times.push((user + system) / 1e6)
  }
  const best = times.reduce((a, b) => Math.min(a, b))
  context.say(`${files.length} files, ${bytes} bytes: ${times.map((own) => own.toFixed(2)).join(', ')} s`)
  costAtMost(context, 'code: processor seconds for a megabyte', (best * 1e6) / bytes, 1.5)
}
