/** Programs that the engine is measured against: children that work when they are asked, so that the order can be A B A B. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Params, TrainStep } from '@pith/engine'

/** A child process that answers each line with a line of JSON. */
export class Peer<Hello, Answer> {
  readonly hello: Hello
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  private constructor(child: ChildProcess, lines: AsyncIterator<string>, hello: Hello) {
    this.#child = child
    this.#lines = lines
    this.hello = hello
  }

  /** Start it; its first line is its greeting. @throws Error when it ends before that */
  static async start<Hello, Answer>(command: readonly string[]): Promise<Peer<Hello, Answer>> {
    const [program = '', ...words] = command
    const env = { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', MKL_NUM_THREADS: '1' }
    const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'], env })
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
    const first = await lines.next()
    if (first.done === true) throw new Error(`${command.join(' ')} ended at once`)
    return new Peer<Hello, Answer>(child, lines, JSON.parse(first.value) as Hello)
  }

  /** Send a line and wait for the answer. @throws Error when it ended instead */
  async ask(line: string): Promise<Answer> {
    this.#child.stdin?.write(`${line}\n`)
    const answer = await this.#lines.next()
    if (answer.done === true) throw new Error('the peer ended in the middle of its work')
    return JSON.parse(answer.value) as Answer
  }

  /** Let it end. */
  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve))
    this.#child.stdin?.end()
    await ended
  }
}

/** A Python that has PyTorch; undefined where there is none. */
export function pythonWithTorch(): string | undefined {
  for (const path of ['/usr/bin/python3', 'python3']) {
    if (path.startsWith('/') && !existsSync(path)) continue
    try {
      execFileSync(path, ['-c', 'import torch, numpy'], { stdio: 'ignore', timeout: 60_000 })
      return path
    } catch {
      // Another one may have it.
    }
  }
  return undefined
}

/**
 * The folder of a package that is only measured against: it is installed into the cache when it is first asked for.
 *
 * @returns undefined where it can't be had, such as without a network
 */
export function npmPeer(cache: string, name: string, version: string): string | undefined {
  const root = join(cache, 'peers', `${name.replace('/', '-')}-${version}`)
  const folder = join(root, 'node_modules', name)
  if (existsSync(join(folder, 'package.json'))) return folder
  mkdirSync(root, { recursive: true })
  writeFileSync(join(root, 'package.json'), '{ "private": true }\n')
  const words = ['install', '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${version}`]
  try {
    execFileSync('npm', words, { cwd: root, stdio: 'ignore', timeout: 120_000 })
  } catch {
    return undefined
  }
  return existsSync(join(folder, 'package.json')) ? folder : undefined
}

/** A few steps of a training in a row. */
export interface Turn {
  readonly ms: readonly number[]
  readonly losses: readonly number[]
}

/** Steps on one batch, each with its processor time. */
export async function takeTurn(step: TrainStep, batch: Params, steps: number): Promise<Turn> {
  const turn = { ms: [] as number[], losses: [] as number[] }
  for (let i = 0; i < steps; i++) {
    const before = process.cpuUsage()
    const { loss } = await step.step(batch)
    const { user, system } = process.cpuUsage(before)
    turn.ms.push((user + system) / 1000)
    turn.losses.push(loss)
  }
  return turn
}
