/** The public symbols of an entry file, found by following its re-exports through the sources. */
import { dirname, join } from 'node:path'
import { parseSync } from 'rolldown/utils'
import type { Tree } from './tree.ts'

/** One name that an entry exports. */
export interface Exported {
  readonly name: string
  readonly kind: 'value' | 'type'
  /** File that declares it, and the line (from 1). */
  readonly file: string
  readonly line: number
  readonly documented: boolean
}

interface Module {
  readonly own: Exported[]
  /** `export * from` targets. */
  readonly stars: string[]
  /** `export { a as b } from` */
  readonly named: { from: string; local: string; name: string; kind: 'value' | 'type' }[]
}

/** A statement as the parser gives it, as far as this file looks at it. */
interface Statement {
  type: string
  start: number
  end: number
  exportKind?: string
  exported?: { name: string } | null
  source?: { value: string } | null
  declaration?: Declaration | null
  specifiers?: { local: { name: string }; exported: { name: string }; exportKind: string }[]
  declarations?: { id: { type: string; name: string } }[]
  id?: { name: string } | null
  imported?: unknown
}
type Declaration = Statement

/** Source files by the names under which packages import them, such as `@pith/core`. */
export type Names = ReadonlyMap<string, string>

const cache = new WeakMap<Tree, Map<string, Module>>()

function namesOf(statement: Statement): string[] {
  if (statement.type === 'VariableDeclaration') {
    return (statement.declarations ?? []).map((d) => d.id.name).filter((name) => name !== undefined)
  }
  return statement.id?.name === undefined ? [] : [statement.id.name]
}

function isType(statement: Statement): boolean {
  return statement.type === 'TSInterfaceDeclaration' || statement.type === 'TSTypeAliasDeclaration'
}

function read(tree: Tree, file: string): Module {
  const modules = cache.get(tree) ?? new Map<string, Module>()
  cache.set(tree, modules)
  const known = modules.get(file)
  if (known) return known
  const module: Module = { own: [], stars: [], named: [] }
  modules.set(file, module)
  const text = tree.get(file)
  if (text === undefined) return module
  const { program, comments } = parseSync(file, text, { lang: 'ts' })
  const docEnds = comments.filter((c) => c.type === 'Block' && c.value.startsWith('*')).map((c) => c.end)
  const documentedAt = (start: number) => docEnds.some((end) => end <= start && text.slice(end, start).trim() === '')
  const lineAt = (offset: number) => text.slice(0, offset).split('\n').length
  const body = program.body as unknown as Statement[]
  const local = new Map<string, Statement>()
  const imports = new Map<string, { from: string; name: string }>()
  for (const statement of body) {
    for (const name of namesOf(statement)) local.set(name, statement)
    if (statement.type === 'ImportDeclaration') noteImports(statement, imports)
  }
  const path = (from: string) => (from.startsWith('.') ? join(dirname(file), from) : from)
  for (const statement of body) {
    if (statement.type === 'ExportAllDeclaration' && statement.source) {
      module.stars.push(path(statement.source.value))
      continue
    }
    if (statement.type !== 'ExportNamedDeclaration') continue
    if (statement.declaration) {
      const kind = isType(statement.declaration) ? 'type' : 'value'
      // Overloads repeat a name: the docstring stands at the first.
      for (const name of namesOf(statement.declaration)) {
        if (module.own.some((symbol) => symbol.name === name && symbol.kind === kind)) continue
        const documented = documentedAt(statement.start)
        module.own.push({ name, kind, file, line: lineAt(statement.start), documented })
      }
      continue
    }
    for (const { local: inner, exported, exportKind } of statement.specifiers ?? []) {
      const kind = statement.exportKind === 'type' || exportKind === 'type' ? 'type' : 'value'
      const imported = imports.get(inner.name)
      if (statement.source) {
        module.named.push({ from: path(statement.source.value), local: inner.name, name: exported.name, kind })
      } else if (imported) {
        module.named.push({ from: path(imported.from), local: imported.name, name: exported.name, kind })
      } else {
        const declared = local.get(inner.name)
        const start = declared?.start ?? statement.start
        module.own.push({
          name: exported.name,
          kind: declared && isType(declared) ? 'type' : kind,
          file,
          line: lineAt(start),
          documented: documentedAt(start),
        })
      }
    }
  }
  return module
}

function noteImports(statement: Statement, imports: Map<string, { from: string; name: string }>): void {
  const specifiers = (statement.specifiers ?? []) as unknown as {
    local: { name: string }
    imported?: { name: string }
  }[]
  for (const specifier of specifiers) {
    const name = specifier.imported?.name ?? 'default'
    imports.set(specifier.local.name, { from: statement.source?.value ?? '', name })
  }
}

/**
 * List what a file exports, its re-exports followed.
 *
 * @param tree   sources by path
 * @param entry  path of the file
 * @param names  where re-exports of other packages lead; what is not in it is not followed
 * @returns one element per name, sorted by code units
 */
export function listExports(tree: Tree, entry: string, names: Names = new Map()): Exported[] {
  const found = new Map<string, Exported>()
  const visit = (file: string, seen: Set<string>) => {
    if (seen.has(file)) return
    seen.add(file)
    const module = read(tree, file)
    for (const symbol of module.own) if (!found.has(symbol.name)) found.set(symbol.name, symbol)
    for (const { from: said, local, name, kind } of module.named) {
      if (found.has(name)) continue
      const from = names.get(said) ?? said
      const target = tree.has(from) ? listExports(tree, from, names).find((symbol) => symbol.name === local) : undefined
      found.set(name, target ? { ...target, name } : { name, kind, file: from, line: 1, documented: true })
    }
    for (const from of module.stars) visit(names.get(from) ?? from, seen)
  }
  visit(entry, new Set())
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}
