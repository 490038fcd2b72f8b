import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { isPithError, PithError } from '../errors.ts'
import { type FileSystem, fileError, nodeFiles, readFully, systemCode, withPath, writeFully } from './file-system.ts'

/** A held lock. */
export interface Lock {
  release(): Promise<void>
}

interface Owner {
  pid: number
  host: string
  /** Start of the process in the system's own ticks, so that a reused id is told apart; empty where the system does not tell. */
  start: string
}

let serial = 0

/**
 * Take the advisory lock `PATH.lock`, which other callers of this function respect. The lock of a process of this host that
 * no longer lives is taken over.
 *
 * @throws PithError `PITH_LOCKED` a living process, or one of another host, holds it
 */
export function acquireLock(path: string, options: { files?: FileSystem } = {}): Promise<Lock> {
  return acquire(path, options.files ?? nodeFiles, 0)
}

async function acquire(path: string, files: FileSystem, depth: number): Promise<Lock> {
  const lockPath = `${path}.lock`
  const own = `${lockPath}-${process.pid}-${serial++}`
  const owner: Owner = { pid: process.pid, host: hostname(), start: startOf(process.pid) }
  const text = `${JSON.stringify({ ...owner, serial })}\n`
  try {
    await writeSmall(files, own, text)
    if (!(await linkNew(files, own, lockPath))) {
      const content = await readSmall(files, lockPath)
      // Gone since: its owner was just done, and somebody else may be as quick as we are.
      if (content === undefined) {
        if (!(await linkNew(files, own, lockPath))) throw locked(path, await readSmall(files, lockPath))
      } else {
        await takeOver(path, files, own, content, depth)
      }
    }
  } catch (error) {
    throw fileError(error, path)
  } finally {
    await files.unlink(own).catch(() => {})
  }
  let held = true
  return {
    async release() {
      if (!held) return
      held = false
      await withPath(path, async () => {
        if ((await readSmall(files, lockPath)) === text) await files.unlink(lockPath)
      })
    },
  }
}

/**
 * Put `own` in the place of a stale lock. A lock on the lock makes sure that between the look at the stale one and the
 * rename nobody else has taken it over; the dead owner cannot, and a link fails where something stands.
 */
async function takeOver(path: string, files: FileSystem, own: string, seen: string, depth: number): Promise<void> {
  const lockPath = `${path}.lock`
  if (!isStale(seen) || depth > 2) throw locked(path, seen)
  const guard = await acquire(lockPath, files, depth + 1).catch((error: unknown) => {
    throw isPithError(error, 'PITH_LOCKED') ? locked(path, seen) : error
  })
  try {
    const content = await readSmall(files, lockPath)
    if (content === undefined || !isStale(content)) throw locked(path, content)
    await files.rename(own, lockPath)
  } finally {
    await guard.release()
  }
}

/** Whether the new name could be given; a link appears with its content, so nobody ever reads a lock that is half written. */
async function linkNew(files: FileSystem, from: string, to: string): Promise<boolean> {
  try {
    await files.link(from, to)
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  }
}

async function writeSmall(files: FileSystem, path: string, text: string): Promise<void> {
  const handle = await files.open(path, 'replace')
  try {
    await writeFully(handle, new TextEncoder().encode(text), 0)
  } finally {
    await handle.close()
  }
}

function locked(path: string, content: string | undefined): PithError {
  const owner = content === undefined ? undefined : parseOwner(content)
  const who = owner === undefined ? 'another process' : `process ${owner.pid} on ${owner.host}`
  return new PithError('PITH_LOCKED', `${path} is in use by ${who}`, {
    hint: `Wait until it is done; if it no longer runs, remove ${path}.lock.`,
  })
}

async function readSmall(files: FileSystem, path: string): Promise<string | undefined> {
  try {
    const handle = await files.open(path, 'read')
    try {
      return new TextDecoder().decode(await readFully(handle, 1024, 0))
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function parseOwner(content: string): Owner | undefined {
  try {
    const owner: unknown = JSON.parse(content)
    if (typeof owner !== 'object' || owner === null) return undefined
    const { pid, host, start } = owner as Partial<Owner>
    return Number.isInteger(pid) && typeof host === 'string' && typeof start === 'string'
      ? { pid: pid as number, host, start }
      : undefined
  } catch {
    return undefined
  }
}

function isStale(content: string): boolean {
  const owner = parseOwner(content)
  if (owner === undefined || owner.host !== hostname()) return false
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return systemCode(error) === 'ESRCH'
  }
  return owner.start !== '' && startOf(owner.pid) !== owner.start
}

function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may hold anything; field 22 is counted from behind it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}
