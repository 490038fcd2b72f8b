/** The steps of a continuous-integration run, and their sum. `.ci/run` calls it in a fresh clone. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { add, type Count, countCheck, countClosingLine, countVitest, hideClosingLines } from './checks/count.ts'

const MINUTE = 60_000
const root = join(import.meta.dirname, '..')
const data = join(root, '../shared/data')
const reports = mkdtempSync(join(tmpdir(), 'pith-ci-'))

/** One step: a command, the time it may take, and how its result is counted. */
interface Step {
  readonly name: string
  readonly command: readonly string[]
  readonly minutes: number
  readonly env?: Readonly<Record<string, string>>
  count(ok: boolean, output: string): Count
}

const reportOf = (name: string) => join(reports, `${name}.json`)

function vitestStep(name: string, script: string, minutes: number): Step {
  const report = reportOf(name)
  return {
    name,
    command: ['npm', 'run', script, '--', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    minutes,
    count: (ok) => countVitest(existsSync(report) ? readFileSync(report, 'utf8') : undefined, ok),
  }
}

const STEPS: readonly Step[] = [
  { name: 'lock file', command: ['npm', 'ci', '--dry-run', '--ignore-scripts'], minutes: 2, count: countCheck },
  { name: 'check', command: ['npm', 'run', 'check'], minutes: 4, count: countCheck },
  vitestStep('test', 'test', 10),
  vitestStep('slow', 'test:slow', 18),
  ...(existsSync(data)
    ? [
        {
          name: 'accept',
          // Times are told, not judged, and inputs are small: others use the machine, and the run has 60 minutes in all.
          command: ['npm', 'run', 'accept', '--', '--timings', 'report', '--scale', '0.1'],
          minutes: 28,
          env: { PITH_DATA: data },
          count: countClosingLine,
        },
      ]
    : []),
  {
    name: 'clean tree',
    command: ['git', 'status', '--porcelain'],
    minutes: 1,
    count: (ok, output) => countCheck(ok && output.trim() === ''),
  },
]

/** Group of the step that is running. */
let group: number | undefined

function endStep(): void {
  if (group === undefined) return
  try {
    process.kill(-group, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

// Who ends this run ends what it started.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    endStep()
    rmSync(reports, { recursive: true, force: true })
    process.stdout.write(`ci: ended by ${signal}\n0 passed, 1 failed\n`)
    process.exit(1)
  })
}

/** Run a step in a process group of its own, so that a step which takes too long ends with all that it started. */
function run(step: Step): Promise<{ ok: boolean; output: string }> {
  return new Promise((resolve) => {
    const [command = '', ...args] = step.command
    const child = spawn(command, args, {
      cwd: root,
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...step.env },
    })
    group = child.pid
    let output = ''
    child.stdout.setEncoding('utf8')
    child.stdout.on('data', (text: string) => {
      output += text
      process.stdout.write(hideClosingLines(text))
    })
    const timer = setTimeout(() => {
      process.stdout.write(`ci: ${step.name} took more than ${step.minutes} minutes\n`)
      endStep()
    }, step.minutes * MINUTE)
    const done = (ok: boolean) => {
      clearTimeout(timer)
      group = undefined
      resolve({ ok, output })
    }
    child.on('error', () => done(false))
    child.on('close', (code) => done(code === 0))
  })
}

let total: Count = { passed: 0, failed: 0 }
for (const step of STEPS) {
  process.stdout.write(`ci: ${step.name}\n`)
  const start = performance.now()
  const { ok, output } = await run(step)
  const count = step.count(ok, output)
  total = add(total, count)
  const seconds = Math.round((performance.now() - start) / 1000)
  process.stdout.write(`ci: ${step.name}: ${count.passed} good, ${count.failed} bad, ${seconds} s\n`)
}
rmSync(reports, { recursive: true, force: true })
process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`)
if (total.failed > 0 || total.passed === 0) process.exitCode = 1
