/** Run a whole process and tell what it cost. */
import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const TIME = '/usr/bin/time'
const RESOLUTION_MS = 10

/** What one process cost, its threads and the children that it waited for included. */
export interface Cost {
  readonly code: number
  readonly userMs: number
  readonly systemMs: number
  /** User and system time. */
  readonly cpuMs: number
  readonly wallMs: number
  /** Highest resident memory of one process in bytes. */
  readonly peakBytes: number
  /** Last lines of standard error. */
  readonly stderr: string
}

/** How to start it; streams that are not named go nowhere. */
export interface RunOptions {
  /** File that becomes standard input. */
  readonly stdin?: string
  /** File that takes standard output. */
  readonly stdout?: string
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Milliseconds after which it is ended and counts as failed. Default 600,000. */
  readonly limitMs?: number
}

/** Run `command` under GNU time. @throws Error when it can't be started */
export async function runProcess(command: readonly string[], options: RunOptions = {}): Promise<Cost> {
  const folder = mkdtempSync(join(tmpdir(), 'pith-time-'))
  const report = join(folder, 'time')
  const input = options.stdin === undefined ? undefined : openSync(options.stdin, 'r')
  const output = options.stdout === undefined ? undefined : openSync(options.stdout, 'w')
  try {
    const start = performance.now()
    const child = spawn(TIME, ['-q', '-o', report, '-f', '%U %S %M', '--', ...command], {
      stdio: [input ?? 'ignore', output ?? 'ignore', 'pipe'],
      env: { ...process.env, ...options.env },
      detached: true,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    })
    let stderr = ''
    child.stderr?.on('data', (data: Buffer) => {
      stderr = (stderr + data.toString('latin1')).slice(-4000)
    })
    const timer = setTimeout(() => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    }, options.limitMs ?? 600_000)
    const code = await new Promise<number>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (value) => resolve(value ?? 137))
    })
    clearTimeout(timer)
    const wallMs = performance.now() - start
    const [user = 0, system = 0, kilobytes = 0] =
      code === 137 ? [] : readFileSync(report, 'utf8').trim().split('\n').at(-1)!.split(' ').map(Number)
    return {
      code,
      userMs: user * 1000,
      systemMs: system * 1000,
      // GNU time tells hundredths of a second: below that nothing is known but that it took some.
      cpuMs: Math.max((user + system) * 1000, RESOLUTION_MS / 2),
      wallMs,
      peakBytes: kilobytes * 1024,
      stderr,
    }
  } finally {
    if (input !== undefined) closeSync(input)
    if (output !== undefined) closeSync(output)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** As {@link runProcess}, but a failure throws with what the process said. */
export async function mustRun(command: readonly string[], options: RunOptions = {}): Promise<Cost> {
  const cost = await runProcess(command, options)
  if (cost.code !== 0) throw new Error(`${command.join(' ')} left with ${cost.code}: ${cost.stderr.trim().slice(-500)}`)
  return cost
}

/** A shell pipe as a command. */
export function pipe(line: string): string[] {
  return ['bash', '-c', `set -o pipefail; ${line}`]
}
