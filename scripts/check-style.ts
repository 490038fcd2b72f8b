import { join } from 'node:path'
import { checkCycles } from './checks/cycles.ts'
import { checkStyle } from './checks/style.ts'
import { listEntries, listFiles, readTree } from './checks/tree.ts'

const root = join(import.meta.dirname, '..')
const tree = readTree(root, listFiles(root, /^(packages|scripts|benchmarks|examples|apps)\/.*\.ts$/))
const entries = listEntries(root).flatMap((entry) => entry.sources)
const findings = [...checkStyle(tree, entries), ...checkCycles(tree)]
for (const { file, line, rule } of findings) process.stdout.write(`${file}:${line}: ${rule}\n`)
process.stdout.write(`style: ${tree.size} files, ${findings.length} findings\n`)
if (findings.length > 0 || tree.size === 0) process.exitCode = 1
