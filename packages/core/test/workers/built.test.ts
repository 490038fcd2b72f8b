import { execFile } from 'node:child_process'
import * as fs from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const here = import.meta.dirname
const run = async (...args: string[]): Promise<unknown> => {
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: {} })
  return JSON.parse(stdout)
}

test('in development workers run the sources', async () => {
  expect(await run('--conditions=pith-dev', '--no-warnings', join(here, 'main.ts'))).toEqual([
    '.ts',
    [2, 4, 6],
    [2, 4, 6],
  ])
})

test('who waits for the end of idle workers hears of it', async () => {
  expect(await run('--conditions=pith-dev', '--no-warnings', join(here, 'closing.ts'))).toBe(true)
})

test('a built program with the built package runs built workers', async () => {
  const folder = await fs.mkdtemp(join(tmpdir(), 'pith-workers-'))
  try {
    await fs.mkdir(join(folder, 'node_modules', '@pith'), { recursive: true })
    await fs.symlink(join(here, '..', '..'), join(folder, 'node_modules', '@pith', 'core'))
    await fs.writeFile(join(folder, 'package.json'), '{ "type": "module" }')
    for (const name of ['main', 'tasks', 'worker']) {
      const source = stripTypeScriptTypes(await fs.readFile(join(here, `${name}.ts`), 'utf8'))
      await fs.writeFile(join(folder, `${name}.js`), source.replaceAll(/'(\.\/\w+)\.ts'/g, "'$1.js'"))
    }
    expect(await run(join(folder, 'main.js'))).toEqual(['.js', [2, 4, 6], [2, 4, 6]])
  } finally {
    await fs.rm(folder, { recursive: true })
  }
})
