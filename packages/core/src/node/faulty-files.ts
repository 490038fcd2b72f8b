import { type FileHandle, type FileSystem, nodeFiles } from './file-system.ts'

/** What goes wrong. Steps are the calls that change something (`steps` of a run without faults), counted from 0. */
export interface FaultPlan {
  /** This step fails once with `code`; a write does half of its work first. */
  failAt?: number
  /** The program dies in this step: a write does half of its work, anything else nothing, and every later call fails. */
  killAt?: number
  /** Code of the system error, default `EIO`. */
  code?: string
  /** The disk is full after this many bytes. */
  capacity?: number
}

/** A file system with faults that tells what was done. */
export interface FaultyFiles extends FileSystem {
  /** The calls that changed something, in order: `write app.pith.tmp-1-0`. */
  readonly steps: readonly string[]
  /** Whether the planned fault happened. */
  readonly faulted: boolean
}

class SystemError extends Error {
  readonly code: string
  constructor(code: string, step: string) {
    super(`${code}: planned fault in ${step}`)
    this.code = code
  }
}

/** Thrown by every call after the planned death of the program. */
export class Killed extends Error {
  constructor() {
    super('the program was killed here')
    this.name = 'Killed'
  }
}

/** Put planned faults between a program and its file system. */
export function faultyFiles(plan: FaultPlan = {}, base: FileSystem = nodeFiles): FaultyFiles {
  const steps: string[] = []
  let faulted = false
  let killed = false
  let written = 0

  const alive = (): void => {
    if (killed) throw new Killed()
  }
  /** Count a step; `partly` is what a step that goes wrong has done by then. */
  const step = async (name: string, path: string, partly?: () => Promise<unknown>): Promise<void> => {
    alive()
    const number = steps.length
    const label = `${name} ${path.slice(path.lastIndexOf('/') + 1)}`
    steps.push(label)
    if (number !== plan.failAt && number !== plan.killAt) return
    faulted = true
    await partly?.()
    if (number === plan.killAt) {
      killed = true
      throw new Killed()
    }
    throw new SystemError(plan.code ?? 'EIO', label)
  }
  const changing =
    <A extends unknown[], R>(name: string, call: (path: string, ...rest: A) => Promise<R>) =>
    async (path: string, ...rest: A): Promise<R> => {
      await step(name, path)
      return await call(path, ...rest)
    }
  const reading =
    <A extends unknown[], R>(call: (path: string, ...rest: A) => Promise<R>) =>
    async (path: string, ...rest: A): Promise<R> => {
      alive()
      return await call(path, ...rest)
    }

  const wrap = (handle: FileHandle, path: string): FileHandle => ({
    async read(into, offset, length, position) {
      alive()
      return await handle.read(into, offset, length, position)
    },
    async write(bytes, position) {
      await step('write', path, () => handle.write(bytes.subarray(0, bytes.length >> 1), position))
      const room = (plan.capacity ?? Number.POSITIVE_INFINITY) - written
      if (room <= 0) {
        faulted = true
        throw new SystemError('ENOSPC', `write ${path}`)
      }
      const count = await handle.write(bytes.length > room ? bytes.subarray(0, room) : bytes, position)
      written += count
      return count
    },
    async sync() {
      await step('sync', path)
      await handle.sync()
    },
    async datasync() {
      await step('datasync', path)
      await handle.datasync()
    },
    async truncate(size) {
      await step('truncate', path)
      await handle.truncate(size)
    },
    async stat() {
      alive()
      return await handle.stat()
    },
    async close() {
      // The descriptor goes in any case, as it does when a program dies.
      await handle.close()
      alive()
    },
  })

  return {
    steps,
    get faulted() {
      return faulted
    },
    async open(path, mode, permissions) {
      alive()
      if (mode === 'create' || mode === 'replace') await step('create', path)
      return wrap(await base.open(path, mode, permissions), path)
    },
    rename: changing('rename', base.rename),
    link: changing('link', base.link),
    unlink: changing('unlink', base.unlink),
    makeFolder: changing('makeFolder', base.makeFolder),
    removeFolder: changing('removeFolder', base.removeFolder),
    syncFolder: changing('syncFolder', base.syncFolder),
    list: reading(base.list),
    stat: reading(base.stat),
    resolve: reading(base.resolve),
  }
}

/** How one try of {@link tryEveryFault} ended. */
export interface FaultOutcome {
  readonly kind: 'fail' | 'kill'
  /** The step that went wrong: `rename app.pith`. */
  readonly step: string
  /** What the scenario threw, undefined where it succeeded in spite of the fault. */
  readonly error: unknown
}

/**
 * Run a scenario once for each step and kind of fault.
 *
 * @param prepare   puts everything into the state before the scenario
 * @param scenario  does its work through the given file system
 * @param check     looks at what stands afterwards, with a sound file system
 * @returns the number of faults tried
 */
export async function tryEveryFault(
  prepare: () => Promise<void>,
  scenario: (files: FileSystem) => Promise<void>,
  check: (outcome: FaultOutcome) => Promise<void>,
): Promise<number> {
  await prepare()
  const sound = faultyFiles()
  await scenario(sound)
  for (let at = 0; at < sound.steps.length; at++) {
    for (const kind of ['fail', 'kill'] as const) {
      await prepare()
      const files = faultyFiles(kind === 'fail' ? { failAt: at } : { killAt: at })
      let error: unknown
      try {
        await scenario(files)
      } catch (failure) {
        error = failure
      }
      await check({ kind, step: sound.steps[at], error })
    }
  }
  return 2 * sound.steps.length
}
