/** Modules that import each other in a circle. Types and imports at run time (`import()`) don't count: they load nothing early. */
import { dirname, join } from 'node:path'
import { parseSync } from 'rolldown/utils'
import type { Finding } from './style.ts'
import type { Tree } from './tree.ts'

/** Files that a file loads before its own code runs. */
function loads(tree: Tree, file: string): string[] {
  const { program } = parseSync(file, tree.get(file) ?? '', { lang: 'ts' })
  const targets = new Set<string>()
  for (const statement of program.body) {
    const kind =
      'importKind' in statement ? statement.importKind : 'exportKind' in statement ? statement.exportKind : ''
    const source = 'source' in statement ? statement.source?.value : undefined
    if (typeof source !== 'string' || kind === 'type' || !source.startsWith('.')) continue
    const names = 'specifiers' in statement ? statement.specifiers : []
    const isTypes = (name: object) =>
      ('importKind' in name && name.importKind === 'type') || ('exportKind' in name && name.exportKind === 'type')
    if (names.length > 0 && names.every(isTypes)) continue
    const target = join(dirname(file), source)
    if (tree.has(target)) targets.add(target)
  }
  return [...targets]
}

/**
 * Find circles of imports.
 *
 * @returns one finding per file whose import closes a circle
 */
export function checkCycles(tree: Tree): Finding[] {
  const findings: Finding[] = []
  const done = new Set<string>()
  const path: string[] = []
  const visit = (file: string) => {
    if (done.has(file)) return
    path.push(file)
    for (const target of loads(tree, file)) {
      const at = path.indexOf(target)
      if (at >= 0)
        findings.push({ file, line: 1, rule: `a circle of imports: ${[...path.slice(at), target].join(' -> ')}` })
      else visit(target)
    }
    path.pop()
    done.add(file)
  }
  for (const file of tree.keys()) visit(file)
  return findings
}
