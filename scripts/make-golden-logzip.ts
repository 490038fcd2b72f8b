// Makes the golden files of logzip: node --conditions=pith-dev scripts/make-golden-logzip.ts [--force]
// Files that stand already are only written again with --force, which is for a format that no release has written yet.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeLogs, GOLDEN } from '../packages/text/test/golden-cases.ts'

const folder = join(import.meta.dirname, '../packages/text/test/golden/v1')
const force = process.argv.includes('--force')
mkdirSync(folder, { recursive: true })
if (force) for (const name of readdirSync(folder)) rmSync(join(folder, name))
for (const [name, make] of Object.entries(GOLDEN)) {
  const path = join(folder, `${name}.pith`)
  const bytes = existsSync(path) ? new Uint8Array(readFileSync(path)) : await make()
  const found = `${JSON.stringify(await describeLogs(bytes), null, 1)}\n`
  if (existsSync(path)) {
    const differs = readFileSync(join(folder, `${name}.json`), 'utf8') !== found
    process.stdout.write(`${name}: ${differs ? 'IS READ OTHERWISE than when it was made' : 'stands'}\n`)
    if (differs) process.exitCode = 1
    continue
  }
  writeFileSync(path, bytes)
  writeFileSync(join(folder, `${name}.json`), found)
  process.stdout.write(`${name}: ${bytes.length} bytes\n`)
}
