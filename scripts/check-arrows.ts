import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { checkArrows } from './checks/arrows.ts'

const root = join(import.meta.dirname, '..')
const folders = ['packages', 'scripts', 'benchmarks', 'examples', 'apps'].filter((folder) =>
  existsSync(join(root, folder)),
)
const { violations, modules } = await checkArrows(root, folders)
for (const v of violations) process.stdout.write(`${v.from} -> ${v.to}: ${v.rule}\n`)
process.stdout.write(`arrows: ${modules} modules, ${violations.length} violations\n`)
if (violations.length > 0 || modules === 0) process.exitCode = 1
