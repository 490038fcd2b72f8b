import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { listBlocks } from './checks/documents.ts'
import { listFiles, readTree } from './checks/tree.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..')
const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** A folder that looks like the clone to a reader who follows a document: the samples, and what `npm install` made. */
function makeClone(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pith-docs-'))
  folders.push(folder)
  const filter = (path: string) => !path.endsWith('.pith')
  cpSync(join(root, 'examples'), join(folder, 'examples'), { recursive: true, filter })
  cpSync(join(root, 'package.json'), join(folder, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

/** Commands without those that other steps run (an install, npm scripts), and without npx, which takes longer than pith. */
function withoutNpm(script: string): string {
  return script
    .replaceAll('npx pith', 'pith')
    .replaceAll(/^npm (install|ci) && /gm, '')
    .replaceAll(/^(npm|git clone|cd) .*$/gm, '')
    .trim()
}

async function bash(script: string, cwd: string): Promise<void> {
  const path = `${join(cwd, 'node_modules/.bin')}${delimiter}${process.env['PATH'] ?? ''}`
  const env: NodeJS.ProcessEnv = { ...process.env, PATH: path, NO_COLOR: '1', npm_config_offline: 'true' }
  delete env['NODE_OPTIONS']
  const options = { cwd, env, timeout: 60_000, maxBuffer: 1 << 26 }
  await run('bash', ['-euo', 'pipefail', '-c', script], options)
}

const documents = readTree(
  root,
  listFiles(
    root,
    /^(README\.md|CONTRIBUTING\.md|docs\/(?:engine|lm|index|prompt)\.md|docs\/guide\/[^/]+\.md|packages\/[^/]+\/README\.md)$/,
  ),
)

describe.each([...documents])('%s', (file, text) => {
  const blocks = listBlocks(file, text)
  const commands = blocks.filter((block) => block.language === 'sh').map((block) => withoutNpm(block.text))
  const programs = blocks.filter((block) => block.language === 'ts').map((block) => block.text)

  test('its commands run, one after the other, as they stand there', async () => {
    const folder = makeClone()
    for (const script of commands.filter((block) => block !== '')) await bash(script, folder)
  }, 120_000)

  test('its programs run', async () => {
    const folder = makeClone()
    for (const [index, program] of programs.entries()) {
      writeFileSync(join(folder, `program-${index}.ts`), program)
      await bash(`node program-${index}.ts`, folder)
    }
  }, 120_000)
})

describe('examples', () => {
  const programs = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.ts'))
  test.each(programs)(
    '%s runs',
    async (name) => {
      await bash(`node examples/${basename(name)}`, makeClone())
    },
    60_000,
  )

  test('the samples are there', () => {
    expect(existsSync(join(root, 'examples/sample/access.log'))).toBe(true)
  })
})

test('npx pith runs the command in the clone', async () => {
  await bash('test "$(npx pith --version)" = "$(pith --version)"', makeClone())
})

test('a command in a document that fails, fails the test', async () => {
  await expect(bash(withoutNpm('npm install && false\n'), makeClone())).rejects.toThrow()
})
