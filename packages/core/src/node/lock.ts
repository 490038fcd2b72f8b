import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { PithError } from '../errors.ts'
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
export async function acquireLock(path: string, options: { files?: FileSystem } = {}): Promise<Lock> {
  const { files = nodeFiles } = options
  const lockPath = `${path}.lock`
  const own = `${lockPath}-${process.pid}-${serial++}`
  const owner: Owner = { pid: process.pid, host: hostname(), start: startOf(process.pid) }
  const text = new TextEncoder().encode(`${JSON.stringify({ ...owner, serial })}\n`)
  const same = (other: Uint8Array | undefined): boolean =>
    other !== undefined && new TextDecoder().decode(other) === new TextDecoder().decode(text)
  await withPath(path, async () => {
    const handle = await files.open(own, 'replace')
    try {
      await writeFully(handle, text, 0)
    } finally {
      await handle.close()
    }
  })
  try {
    // A few rounds: one to find and clear a stale lock, one to take its place, more where others do the same.
    for (let round = 0; ; round++) {
      try {
        // A link appears with its content, so nobody ever reads a lock that is half written.
        await files.link(own, lockPath)
        break
      } catch (error) {
        if (systemCode(error) !== 'EEXIST') throw error
      }
      const held = await readSmall(files, lockPath)
      if (held === undefined) continue
      if (round >= 8 || !isStale(held)) throw locked(path, held)
      // Of several that saw the stale lock one moves it away; the others find nothing and try again.
      const moved = `${own}-stale`
      try {
        await files.rename(lockPath, moved)
      } catch (error) {
        if (systemCode(error) === 'ENOENT') continue
        throw error
      }
      const content = await readSmall(files, moved)
      const alive = content !== undefined && !isStale(content)
      // Somebody took the lock between our look and our move: give it back.
      if (alive) await files.link(moved, lockPath).catch(() => {})
      await files.unlink(moved)
      if (alive) throw locked(path, content)
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
      if (same(await readSmall(files, lockPath))) await files.unlink(lockPath).catch(() => {})
    },
  }
}

function locked(path: string, content: Uint8Array): PithError {
  const owner = parseOwner(content)
  const who = owner === undefined ? 'another process' : `process ${owner.pid} on ${owner.host}`
  return new PithError('PITH_LOCKED', `${path} is in use by ${who}`, {
    hint: `Wait until it is done; if it no longer runs, remove ${path}.lock.`,
  })
}

async function readSmall(files: FileSystem, path: string): Promise<Uint8Array | undefined> {
  try {
    const handle = await files.open(path, 'read')
    try {
      return await readFully(handle, 1024, 0)
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function parseOwner(content: Uint8Array): Owner | undefined {
  try {
    const owner: unknown = JSON.parse(new TextDecoder().decode(content))
    if (typeof owner !== 'object' || owner === null) return undefined
    const { pid, host, start } = owner as Partial<Owner>
    return Number.isInteger(pid) && typeof host === 'string' && typeof start === 'string'
      ? { pid: pid as number, host, start }
      : undefined
  } catch {
    return undefined
  }
}

function isStale(content: Uint8Array): boolean {
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
