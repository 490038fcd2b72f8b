import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { checkArrows } from './arrows.ts'

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** Rules that a small tree of packages breaks. */
async function broken(files: Readonly<Record<string, string>>): Promise<string[]> {
  const root = mkdtempSync(join(tmpdir(), 'pith-arrows-'))
  folders.push(root)
  mkdirSync(join(root, 'node_modules/@pith'), { recursive: true })
  for (const room of ['core', 'text', 'kv', 'index']) {
    const folder = join(root, 'packages', room)
    mkdirSync(join(folder, 'src'), { recursive: true })
    const exports = { '.': { 'pith-dev': './src/index.ts' } }
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: `@pith/${room}`, type: 'module', exports }))
    writeFileSync(join(folder, 'src/index.ts'), 'export const HERE = 1\n')
    symlinkSync(`../../packages/${room}`, join(root, 'node_modules/@pith', room))
  }
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const { violations } = await checkArrows(root, ['packages'])
  return violations.map((v) => `${v.rule}: ${v.from} -> ${v.to}`)
}

test('arrows that point down are no violation', async () => {
  const files = { 'packages/text/src/a.ts': "import { HERE } from '@pith/core'\nexport const A = HERE\n" }
  expect(await broken(files)).toEqual([])
})

test('core may not import a room above it, not even for a type', async () => {
  const files = { 'packages/core/src/a.ts': "import type { HERE } from '@pith/text'\nexport type A = typeof HERE\n" }
  expect(await broken(files)).toEqual(['room-core: packages/core/src/a.ts -> packages/text/src/index.ts'])
})

test('siblings do not import each other', async () => {
  const files = { 'packages/kv/src/a.ts': "export { HERE } from '@pith/index'\n" }
  expect(await broken(files)).toEqual(['room-kv: packages/kv/src/a.ts -> packages/index/src/index.ts'])
})

test('a system does not import the kernels of another system', async () => {
  const files = {
    'packages/text/src/logzip/a.ts': "export { B } from '../zip-fit/b.ts'\n",
    'packages/text/src/zip-fit/b.ts': 'export const B = 1\n',
  }
  expect(await broken(files)).toEqual([
    'systems-apart: packages/text/src/logzip/a.ts -> packages/text/src/zip-fit/b.ts',
  ])
})

test("Node's modules stay in node folders", async () => {
  const text = "import { readFileSync } from 'node:fs'\nexport const A = readFileSync\n"
  const found = await broken({ 'packages/core/src/a.ts': text, 'packages/core/src/node/b.ts': text })
  expect(found).toEqual(['node-in-its-place: packages/core/src/a.ts -> fs'])
})

test('code for the web does not reach into a node folder', async () => {
  const files = {
    'packages/core/src/a.ts': "export { B } from './node/b.ts'\n",
    'packages/core/src/node/b.ts': 'export const B = 1\n',
  }
  expect(await broken(files)).toEqual([
    'web-code-without-node-folders: packages/core/src/a.ts -> packages/core/src/node/b.ts',
  ])
})

test('imports that lead nowhere are found', async () => {
  const found = await broken({ 'packages/core/src/b.ts': "export { C } from './gone.ts'\n" })
  expect(found).toEqual(['resolvable: packages/core/src/b.ts -> ./gone.ts'])
})
