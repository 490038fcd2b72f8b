import { describe, expect, test } from 'vitest'
import { checkStyle } from './style.ts'

const ENTRY = 'packages/core/src/index.ts'

/** Rules that a file breaks when it stands alone in a tree. */
function broken(file: string, text: string): string[] {
  return checkStyle(new Map([[file, text]]), [ENTRY]).map((finding) => `${finding.line}: ${finding.rule}`)
}

describe('house rules', () => {
  test('a clean file has no findings', () => {
    expect(broken('packages/core/src/a.ts', 'export const A = 1\n')).toEqual([])
  })

  const planted: [rule: string, file: string, text: string][] = [
    ['601 lines, at most 600', 'packages/core/src/a.ts', '\n'.repeat(601)],
    ['no Math.random in library code', 'packages/core/src/a.ts', 'export const a = (): number => Math.random()\n'],
    ['no Date.now in library code', 'packages/core/src/a.ts', 'export const a = (): number => Date.now()\n'],
    ['no clock (new Date()) in library code', 'packages/text/src/a.ts', 'export const a = (): Date => new Date()\n'],
    [
      'no localeCompare: the result depends on the place',
      'packages/core/src/a.ts',
      "export const a = 'a'.localeCompare('b')\n",
    ],
    ['no process outside node/', 'packages/core/src/a.ts', 'export const a = (): unknown => process.env\n'],
    ['no process outside node/', 'packages/core/src/a.ts', 'export const a = (): unknown => globalThis.process\n'],
    ['no Buffer outside node/', 'packages/core/src/a.ts', "export const a = (): Uint8Array => Buffer.from('')\n"],
    ['no default export', 'packages/core/src/a.ts', 'export default 1\n'],
    ['no enum', 'packages/core/src/a.ts', 'export enum A { B }\n'],
    ['name the file after what it does', 'packages/core/src/utils.ts', 'export const A = 1\n'],
    ['name the file after what it does', 'packages/core/src/helpers/a.ts', 'export const A = 1\n'],
    ['every test runs: no skip, todo or only', 'packages/core/src/a.test.ts', `test.${'skip'}('a', () => {})\n`],
    ['every test runs: no skip, todo or only', 'packages/core/src/a.test.ts', `describe.${'only'}('a', () => {})\n`],
    ['import another package by its name', 'packages/text/src/a.ts', "import { A } from '../../core/src/a.ts'\n"],
    ['public symbol a has no docstring', ENTRY, 'export const a = 1\n'],
    ['public symbol A has no docstring', ENTRY, '/** Far. */\n\nconst b = 1\nexport interface A { b: typeof b }\n'],
  ]
  test.each(planted)('finds: %s', (rule, file, text) => {
    expect(broken(file, text).map((line) => line.replace(/^\d+: /, ''))).toEqual([rule])
  })

  test('names the line', () => {
    expect(broken('packages/core/src/a.ts', '\n\nexport const a = Math.random()\n')).toEqual([
      '3: no Math.random in library code',
    ])
  })

  test('follows re-exports to a symbol without a docstring', () => {
    const tree = new Map([
      [ENTRY, "export * from './a.ts'\nexport { inner as outer } from './b.ts'\n"],
      ['packages/core/src/a.ts', '/** Said. */\nexport type A = 1\n'],
      ['packages/core/src/b.ts', 'export const inner = 1\nexport const unseen = 2\n'],
    ])
    expect(checkStyle(tree, [ENTRY]).map((f) => `${f.file}:${f.line} ${f.rule}`)).toEqual([
      'packages/core/src/b.ts:1 public symbol outer has no docstring',
    ])
  })

  test('lets the places that are made for it use Node and the clock', () => {
    expect(broken('packages/core/src/node/a.ts', 'export const a = (): number => process.pid\n')).toEqual([])
    expect(broken('packages/core/src/a.node.ts', "export const a = (): Uint8Array => Buffer.from('')\n")).toEqual([])
    expect(broken('packages/pith/src/a.ts', 'export const a = (): number => Date.now() + process.pid\n')).toEqual([])
  })

  test('a property or parameter that is called like a global is not one', () => {
    expect(
      broken('packages/core/src/a.ts', 'export const a = (b: { process: number }): number => b.process\n'),
    ).toEqual([])
  })
})
