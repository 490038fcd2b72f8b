// Makes the golden files of the container: node --conditions=pith-dev scripts/make-golden-container.ts
// Files that stand already are never written again: a release that would change them has broken the format.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeFile, GOLDEN } from '../packages/core/test/container/golden-cases.ts'

const folder = join(import.meta.dirname, '../packages/core/test/golden/v1/container')
mkdirSync(folder, { recursive: true })
for (const [name, make] of Object.entries(GOLDEN)) {
  const path = join(folder, `${name}.pith`)
  const bytes = await make()
  if (existsSync(path)) {
    const differs = Buffer.compare(readFileSync(path), bytes) !== 0
    process.stdout.write(`${name}: ${differs ? 'DIFFERS from the file that stands' : 'stands'}\n`)
    if (differs) process.exitCode = 1
    continue
  }
  writeFileSync(path, bytes)
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(await describeFile(bytes), null, 1)}\n`)
  process.stdout.write(`${name}: ${bytes.length} bytes\n`)
}
