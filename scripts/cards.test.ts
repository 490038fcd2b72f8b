import { execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { SystemCard } from '../packages/core/src/system.ts'
import { listFiles } from './checks/tree.ts'

const root = join(import.meta.dirname, '..')
const pith = (...args: string[]): string => {
  const cli = join(root, 'packages/pith/src/cli.ts')
  return execFileSync(process.execPath, ['--conditions=pith-dev', cli, ...args], { cwd: root, encoding: 'utf8' })
}

/** Names that an entry of a package exports, as they are on record. */
function exportsOf(specifier: string): string[] {
  const file = `${specifier.replace('@', '').replaceAll('/', '.')}.txt`
  const lines = readFileSync(join(root, 'scripts/__snapshots__/public-api', file), 'utf8').split('\n')
  return lines.map((line) => line.split(' ').at(-1) ?? '')
}

const { systems } = JSON.parse(pith('systems', '--json')) as { systems: readonly SystemCard[] }
const verbs = pith('help')
const benches = globSync(['benchmarks/*.ts', 'packages/*/src/*/*.bench.ts'], { cwd: root })

test('pith systems tells every card that there is, each once', () => {
  const ids = listFiles(root, /^packages\/[^/]+\/src\/.*\bcard\.ts$/).map(
    (file) => /^ {2}id: '([^']+)'/m.exec(readFileSync(join(root, file), 'utf8'))?.[1],
  )
  expect(systems.map(({ id }) => id)).toEqual(ids.sort())
  expect(new Set(ids).size).toBe(ids.length)
})

describe.each(systems.map((card) => [card.id, card] as const))('%s', (_, { entryPoints, benchmark }) => {
  test('can be called as its card says', () => {
    for (const entry of entryPoints) {
      const [, names = '', specifier = ''] = /^import \{ (.*) \} from '(.*)'$/.exec(entry) ?? []
      if (specifier !== '') expect(exportsOf(specifier)).toEqual(expect.arrayContaining(names.split(', ')))
      else if (entry.startsWith('pith ')) expect(verbs).toMatch(verbOf(entry))
    }
  })

  test('has the benchmark that its card names', () => {
    const names = benches.map((path) => path.replace(/^.*\//, '').replace(/(\.bench)?\.ts$/, ''))
    if (benchmark !== undefined) expect(names).toContain(benchmark)
  })
})

/** A line of the overview whose verb is what a command line begins with. */
function verbOf(line: string): RegExp {
  const [first = '', second, third] = line.split(' ').slice(1)
  return new RegExp(`^ +${first}(?: ${second}(?: ${third})?)? {2,}`, 'm')
}
