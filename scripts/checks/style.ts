/** House rules that a formatter doesn't know: what may stand in the source of a package, and what must. */
import { dirname, join } from 'node:path'
import { type ParseResult, parseSync, Visitor } from 'rolldown/utils'
import { type Exported, listExports } from './exports.ts'
import type { Tree } from './tree.ts'

/** One broken rule, at a line (from 1). */
export interface Finding {
  readonly file: string
  readonly line: number
  readonly rule: string
}

const MAX_LINES = 600
const SOURCE = /^packages\/[^/]+\/src\/.*\.ts$/
const TEST = /(\.(test|bench)\.ts$)|(^packages\/[^/]+\/test\/)/
const GENERATED = /\.wasm\.ts$/
const TABLE = /(\.wasm|[.-]tables?)\.ts$/
/** Where Node's globals may be used. */
const NODE_PLACE = /(^packages\/pith\/)|(\/node\/)|(\.node\.ts$)/
const VAGUE = /(^|\/)(utils?|helpers?|misc|common)(\/|\.ts$)/
const NOT_RUN = /\b(?:it|test|describe)\s*\.\s*(skip|todo|only|skipIf|runIf|fails)\b|\bx(?:it|test|describe)\s*\(/

/** Members of globals that make results differ between runs, machines or places. */
const UNSTEADY: Readonly<Record<string, readonly string[]>> = {
  Math: ['random'],
  Date: ['now'],
}
const LOCALE = ['localeCompare', 'toLocaleString', 'toLocaleLowerCase', 'toLocaleUpperCase', 'toLocaleDateString']
const NODE_GLOBALS = ['process', 'Buffer', 'require', '__dirname', '__filename', 'setImmediate']

function lineOf(text: string, offset: number): number {
  let line = 1
  for (let i = text.indexOf('\n'); i >= 0 && i < offset; i = text.indexOf('\n', i + 1)) line++
  return line
}

function parse(file: string, text: string): ParseResult {
  return parseSync(file, text, { lang: 'ts' })
}

/** Findings that need the syntax tree of one library file. */
function checkSyntax(file: string, text: string): Finding[] {
  const findings: Finding[] = []
  const parsed = parse(file, text)
  const add = (offset: number, rule: string) => findings.push({ file, line: lineOf(text, offset), rule })
  for (const error of parsed.errors) add(error.labels[0]?.start ?? 0, `does not parse: ${error.message}`)
  const isCommand = file.startsWith('packages/pith/')
  const checkNode = !NODE_PLACE.test(file)
  const keys = new Set<number>()
  new Visitor({
    MemberExpression(node) {
      if (node.computed || node.property.type !== 'Identifier') return
      const name = node.property.name
      keys.add(node.property.start)
      if (LOCALE.includes(name)) add(node.start, `no ${name}: the result depends on the place`)
      if (node.object.type !== 'Identifier') return
      const owner = node.object.name
      if (UNSTEADY[owner]?.includes(name) && !(isCommand && owner === 'Date')) {
        add(node.start, `no ${owner}.${name} in library code`)
      }
      if (checkNode && owner === 'globalThis' && NODE_GLOBALS.includes(name))
        add(node.start, `no ${name} outside node/`)
    },
    NewExpression(node) {
      const bare = node.callee.type === 'Identifier' && node.callee.name === 'Date' && node.arguments.length === 0
      if (bare && !isCommand) add(node.start, 'no clock (new Date()) in library code')
    },
    Property(node) {
      if (!node.computed && !node.shorthand && node.key.type === 'Identifier') keys.add(node.key.start)
    },
    ExportDefaultDeclaration(node) {
      add(node.start, 'no default export')
    },
    TSEnumDeclaration(node) {
      add(node.start, 'no enum')
    },
  }).visit(parsed.program)
  if (checkNode) findings.push(...nodeGlobals(file, text, parsed, keys))
  return findings
}

/** Names of Node's globals that are used as values, though the file does not bind them itself. */
function nodeGlobals(file: string, text: string, parsed: ParseResult, keys: ReadonlySet<number>): Finding[] {
  const used: { name: string; start: number }[] = []
  const bound = new Set<string>()
  new Visitor({
    Identifier(node) {
      if (NODE_GLOBALS.includes(node.name) && !keys.has(node.start)) used.push({ name: node.name, start: node.start })
    },
    VariableDeclarator(node) {
      if (node.id.type === 'Identifier') bound.add(node.id.name)
    },
    FunctionDeclaration(node) {
      if (node.id) bound.add(node.id.name)
    },
    MethodDefinition(node) {
      if (node.key.type === 'Identifier') bound.add(node.key.name)
    },
    TSMethodSignature(node) {
      if (node.key.type === 'Identifier') bound.add(node.key.name)
    },
    TSPropertySignature(node) {
      if (node.key.type === 'Identifier') bound.add(node.key.name)
    },
  }).visit(parsed.program)
  return used
    .filter((use) => !bound.has(use.name))
    .map((use) => ({ file, line: lineOf(text, use.start), rule: `no ${use.name} outside node/` }))
}

/** Findings that need only the text of one file. */
function checkText(file: string, text: string): Finding[] {
  const findings: Finding[] = []
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
  if (lines > MAX_LINES && !TABLE.test(file)) {
    findings.push({ file, line: MAX_LINES + 1, rule: `${lines} lines, at most ${MAX_LINES}` })
  }
  if (VAGUE.test(file)) findings.push({ file, line: 1, rule: 'name the file after what it does' })
  if (TEST.test(file)) {
    const hit = NOT_RUN.exec(text)
    if (hit) findings.push({ file, line: lineOf(text, hit.index), rule: 'every test runs: no skip, todo or only' })
  }
  for (const match of text.matchAll(/from '(\.[^']*)'/g)) {
    const target = join(dirname(file), match[1] ?? '')
    const room = (path: string) => /^packages\/[^/]+/.exec(path)?.[0]
    const isTool = TEST.test(file) && !target.startsWith('packages/')
    if (room(file) !== undefined && room(file) !== room(target) && !isTool) {
      findings.push({ file, line: lineOf(text, match.index), rule: 'import another package by its name' })
    }
  }
  return findings
}

/** Public symbols without a docstring. `entries` are the files behind the packages' `exports`. */
function checkDocs(tree: Tree, entries: readonly string[]): Finding[] {
  const seen = new Set<string>()
  const findings: Finding[] = []
  const bare = (symbol: Exported) => !symbol.documented && symbol.file.startsWith('packages/')
  for (const entry of entries) {
    for (const symbol of listExports(tree, entry).filter(bare)) {
      const key = `${symbol.file}:${symbol.line}:${symbol.name}`
      if (seen.has(key)) continue
      seen.add(key)
      findings.push({ file: symbol.file, line: symbol.line, rule: `public symbol ${symbol.name} has no docstring` })
    }
  }
  return findings
}

/**
 * Check a source tree against the house rules.
 *
 * @param tree     every TypeScript file of the tree
 * @param entries  paths of the files that the packages export
 * @returns findings in the order of their places
 */
export function checkStyle(tree: Tree, entries: readonly string[]): Finding[] {
  const findings: Finding[] = []
  for (const [file, text] of tree) {
    if (GENERATED.test(file)) continue
    findings.push(...checkText(file, text))
    if (SOURCE.test(file) && !TEST.test(file)) findings.push(...checkSyntax(file, text))
  }
  findings.push(...checkDocs(tree, entries))
  return findings.sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1))
}
