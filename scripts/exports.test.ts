import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { parseSync, Visitor } from 'rolldown/utils'
import { describe, expect, test } from 'vitest'
import { listExports } from './checks/exports.ts'
import { listEntries, listFiles, listPackages, readTree } from './checks/tree.ts'

const root = join(import.meta.dirname, '..')
const all = listEntries(root)
const entries = all.filter((entry) => !entry.subpath.includes('*'))
const patterns = all.filter((entry) => entry.subpath.includes('*'))
const tree = readTree(root, listFiles(root, /^packages\/.*\.ts$/))
const names = new Map(entries.map((entry) => [entry.specifier, entry.sources[0] ?? '']))
const forTheWeb = entries.filter((entry) => !/\/(node|testing|manifest)(\/|$)/.test(entry.subpath))

function matches(file: string, pattern: string): boolean {
  const [before = '', after = ''] = pattern.split('*')
  return file.startsWith(before) && file.endsWith(after) && file.length > before.length + after.length
}

describe('what the packages export', () => {
  test.each(entries)('$specifier has its source and its built files', ({ sources, built }) => {
    const paths = [...sources, ...built]
    expect(sources.length).toBeGreaterThan(0)
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([])
  })

  test('patterns lead to files', () => {
    const sources = patterns.flatMap((entry) => entry.sources)
    const empty = sources.filter((source) => ![...tree.keys()].some((file) => matches(file, source)))
    expect(empty).toEqual([])
  })

  test.each(listPackages(root))('$folder names a command that exists', ({ folder, manifest }) => {
    const bins = Object.values(manifest.bin ?? {}).map((path) => join(root, folder, path))
    expect(bins.filter((path) => !existsSync(path))).toEqual([])
  })

  test.each(entries)('the public symbols of $specifier are those on record', async ({ specifier, sources }) => {
    const symbols = new Set(
      sources.flatMap((source) => listExports(tree, source, names).map((symbol) => `${symbol.kind} ${symbol.name}`)),
    )
    // The entry of a worker is there for what it does.
    expect(symbols.size > 0).toBe(!specifier.endsWith('/worker'))
    const list = `${[...symbols].sort().join('\n')}\n`
    await expect(list).toMatchFileSnapshot(
      `__snapshots__/public-api/${specifier.replace('@', '').replaceAll('/', '.')}.txt`,
    )
  })
})

/** Bundle an entry for the browser; what stays outside is named. */
async function bundle(specifier: string): Promise<{ code: string; outside: string[] }> {
  const build = await rolldown({
    input: 'entry',
    cwd: root,
    platform: 'browser',
    logLevel: 'silent',
    resolve: { conditionNames: ['pith-dev', 'browser', 'import', 'default'] },
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === 'entry' ? join(root, 'packages/pith/bundle-entry.js') : null),
        load: (id) => (id.endsWith('/bundle-entry.js') ? `export * from ${JSON.stringify(specifier)}` : null),
      },
    ],
  })
  const { output } = await build.generate({ format: 'esm' })
  await build.close()
  const chunks = output.filter((item) => item.type === 'chunk')
  const own = new Set(chunks.map((chunk) => chunk.fileName))
  const outside = chunks.flatMap((chunk) => [...chunk.imports, ...chunk.dynamicImports]).filter((id) => !own.has(id))
  return { code: chunks.map((chunk) => chunk.code).join('\n'), outside }
}

/**
 * Names of Node's globals that code reads without ever asking by `typeof` whether they are there, as libraries do. That our own
 * sources don't read them at all, the check of the house rules sees.
 */
function nodeGlobals(code: string): string[] {
  const found = new Set<string>()
  const keys = new Set<number>()
  const asked = new Set<string>()
  new Visitor({
    MemberExpression(node) {
      if (!node.computed) keys.add(node.property.start)
    },
    Property(node) {
      if (!node.computed && !node.shorthand) keys.add(node.key.start)
    },
    UnaryExpression(node) {
      if (node.operator === 'typeof' && node.argument.type === 'Identifier') asked.add(node.argument.name)
    },
    VariableDeclarator(node) {
      // A name of its own, behind that of Node.
      if (node.id.type === 'Identifier') asked.add(node.id.name)
    },
    Identifier(node) {
      if (['process', 'Buffer', 'require', '__dirname'].includes(node.name) && !keys.has(node.start))
        found.add(node.name)
    },
  }).visit(parseSync('bundle.js', code).program)
  return [...found].filter((name) => !asked.has(name)).sort()
}

/** web-tree-sitter has one build for all, which imports these modules once it has seen that it runs in Node. */
const GUARDED: RegExp = /\bif \(ENVIRONMENT_IS_NODE\) \{\s*const \{ createRequire \} = await import\("module"\)/
const GUARDED_MODULES: readonly string[] = ['fs/promises', 'module']

describe('in a browser', () => {
  test('the check sees what it must not find', () => {
    expect(nodeGlobals('export const a = process.env.A; Buffer.from(b); c.process; ({ process: 1 })')).toEqual([
      'Buffer',
      'process',
    ])
    expect(nodeGlobals("export const a = typeof require === 'undefined' ? 0 : require('fs')")).toEqual([])
  })

  test.each(forTheWeb)('$specifier needs nothing of Node', async ({ specifier }) => {
    const { code, outside } = await bundle(specifier)
    expect(outside.filter((id) => !(GUARDED.test(code) && GUARDED_MODULES.includes(id)))).toEqual([])
    expect(nodeGlobals(code)).toEqual([])
  })
})
