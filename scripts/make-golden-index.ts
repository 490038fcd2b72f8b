// Makes the golden files of indexes: node --conditions=pith-dev scripts/make-golden-index.ts [--force]
// Files that stand already are only written again with --force, which is for a format that no release has written yet.
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openIndex } from '@pith/index/store/node'
import { addToLog, describeIndex, makeGolden } from '../packages/index/test/golden-cases.ts'

const golden = join(import.meta.dirname, '../packages/index/test/golden')
if (process.argv.includes('--force'))
  for (const name of ['folder', 'file.pith', 'folder.json', 'file.json']) {
    rmSync(join(golden, name), { recursive: true, force: true })
  }
const folder = join(golden, 'folder')
const file = join(golden, 'file.pith')
if (!existsSync(folder)) {
  const place = mkdtempSync(join(tmpdir(), 'pith-golden-'))
  const made = join(place, 'x.pith')
  await makeGolden(made, file)
  const leave = await addToLog(made)
  // Without the locks, as who died leaves it.
  cpSync(made, folder, { recursive: true, filter: (path) => !path.includes('.lock') })
  await leave()
  rmSync(place, { recursive: true })
}
for (const [name, path] of [
  ['folder', folder],
  ['file', file],
] as const) {
  const index = await openIndex(path)
  const found = `${JSON.stringify(await describeIndex(index), null, 1)}\n`
  await index.close()
  const told = join(golden, `${name}.json`)
  const differs = existsSync(told) && readFileSync(told, 'utf8') !== found
  if (!existsSync(told)) writeFileSync(told, found)
  if (differs) process.exitCode = 1
  process.stdout.write(`${name}: ${differs ? 'IS READ OTHERWISE than when it was made' : 'stands'}\n`)
}
process.stdout.write(`${readdirSync(folder, { recursive: true }).join('\n')}\n`)
