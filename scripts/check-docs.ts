/** Documents: links lead somewhere, decisions stay short, every script that a text names is there, the table is the measured one. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { checkDocuments, checkMap } from './checks/documents.ts'
import { listFiles, readTree } from './checks/tree.ts'
import { RENDERED, renderTables } from './render-results.ts'

const root = join(import.meta.dirname, '..')
const documents = readTree(root, listFiles(root, /\.md$/))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
const findings = checkDocuments(documents, {
  exists: (file, target) => existsSync(join(root, dirname(file), target)),
  scripts: Object.keys(manifest.scripts),
})
findings.push(
  ...checkMap(
    documents.get('ARCHITECTURE.md') ?? '',
    listFiles(root, /^(packages|scripts|benchmarks|apps)\/.*\/.*[.](ts|py)$/),
  ),
)
for (const file of RENDERED) {
  const text = documents.get(file) ?? ''
  if (renderTables(root, file, text) !== text) {
    findings.push({
      file,
      line: 1,
      rule: 'the tables are not those of benchmarks/results: run scripts/render-results.ts',
    })
  }
}
for (const { file, line, rule } of findings) process.stdout.write(`${file}:${line}: ${rule}\n`)
process.stdout.write(`docs: ${documents.size} files, ${findings.length} findings\n`)
if (findings.length > 0 || documents.size === 0) process.exitCode = 1
