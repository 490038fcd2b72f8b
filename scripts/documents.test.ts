import { existsSync, readdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { listFiles, readTree } from './checks/tree.ts'
import { bash, makeClone, runCommands, runPrograms, SLOW, withoutNpm } from './documents/reader.ts'

const root = join(import.meta.dirname, '..')
const folders: string[] = []
const clone = () => {
  const folder = makeClone()
  folders.push(folder)
  return folder
}
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

// Decisions are no guides, and operators.md is a table.
const files = listFiles(root, /^(README\.md|CONTRIBUTING\.md|docs\/(guide\/)?[^/]+\.md|packages\/[^/]+\/README\.md)$/)
const documents = [...readTree(root, files)].filter(
  ([file, text]) => !SLOW.includes(file) && /^```(sh|ts)$/m.test(text),
)

describe.each(documents)('%s', (file, text) => {
  test('its commands run, one after the other, as they stand there', () => runCommands(file, text, clone()), 120_000)
  test('its programs run', () => runPrograms(file, text, clone()), 120_000)
})

test('documents that take longer are there', () => {
  expect(SLOW.filter((file) => !files.includes(file))).toEqual([])
})

describe('examples', () => {
  const programs = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.ts'))
  test.each(programs)('%s runs', (name) => bash(`node examples/${basename(name)}`, clone()), 60_000)

  test('the samples are there', () => {
    expect(existsSync(join(root, 'examples/sample/access.log'))).toBe(true)
  })
})

test('npx pith runs the command in the clone', async () => {
  await bash('test "$(npx pith --version)" = "$(pith --version)"', clone())
})

test('a command in a document that fails, fails the test', async () => {
  await expect(bash(withoutNpm('npm install && false\n'), clone())).rejects.toThrow()
})
