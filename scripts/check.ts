/** Everything that must hold besides the tests: types, format and lint, arrows, house rules, documents. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const bin = (name: string) => join(root, 'node_modules/.bin', name)
const script = (name: string) => [process.execPath, join(import.meta.dirname, name)]

const STEPS: Readonly<Record<string, readonly string[]>> = {
  build: ['npm', 'run', '-s', 'build'],
  types: [bin('tsc'), '-p', 'tsconfig.check.json'],
  format: [bin('biome'), 'check', '.'],
  arrows: script('check-arrows.ts'),
  style: script('check-style.ts'),
  docs: script('check-docs.ts'),
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !(name in STEPS))
if (unknown.length > 0) {
  process.stderr.write(`check: no step ${unknown.join(', ')}; there are ${Object.keys(STEPS).join(', ')}\n`)
  process.exit(2)
}
let passed = 0
const failed: string[] = []
for (const [name, [command = '', ...args]] of Object.entries(STEPS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (status === 0) passed++
  else failed.push(name)
}
process.stdout.write(`check: ${passed} steps passed${failed.length > 0 ? `, failed: ${failed.join(', ')}` : ''}\n`)
if (failed.length > 0) process.exitCode = 1
