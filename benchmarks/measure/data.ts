/** The logs that benches read: the folder of PITH_DATA, and the held-out logs of the repository. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './machine.ts'

export type Group = 'full' | '2k' | 'heldout'

export interface DataFile {
  readonly name: string
  readonly group: Group
  readonly path: string
  readonly bytes: number
}

const HELD_OUT = join(ROOT, 'benchmarks/data/heldout')

/** Folder of real data, or undefined where PITH_DATA names none. */
export function dataFolder(): string | undefined {
  const folder = process.env['PITH_DATA']
  return folder !== undefined && folder !== '' && existsSync(join(folder, 'text/logs')) ? folder : undefined
}

export const NO_DATA = 'PITH_DATA names no folder with text/logs in it: what needs real logs is left out'

/** The real logs: five full-size files and sixteen of 2,000 lines. Empty without PITH_DATA. */
export function realLogs(): DataFile[] {
  const folder = dataFolder()
  if (folder === undefined) return []
  const logs = join(folder, 'text/logs')
  return readdirSync(logs)
    .filter((name) => name.endsWith('.log'))
    .sort()
    .map((name) => ({
      name: name.slice(0, -'.log'.length),
      group: name.includes('_2k') ? ('2k' as const) : ('full' as const),
      path: join(logs, name),
      bytes: statSync(join(logs, name)).size,
    }))
}

/** Every file below `text` of the data folder, for what must come back whatever it is. */
export function allTextFiles(): string[] {
  const folder = dataFolder()
  if (folder === undefined) return []
  return readdirSync(join(folder, 'text'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

/** The held-out logs, unpacked once into `cache`. */
export function heldOutLogs(cache: string): DataFile[] {
  const folder = join(cache, 'heldout')
  mkdirSync(folder, { recursive: true })
  return readdirSync(HELD_OUT)
    .filter((name) => name.endsWith('.log.xz'))
    .sort()
    .map((name) => {
      const path = join(folder, name.slice(0, -'.xz'.length))
      if (!existsSync(path) || statSync(path).mtimeMs < statSync(join(HELD_OUT, name)).mtimeMs) {
        const bytes = execFileSync('xz', ['-dc', join(HELD_OUT, name)], { maxBuffer: 2 ** 30 })
        writeFileSync(`${path}.tmp-${process.pid}`, bytes)
        renameSync(`${path}.tmp-${process.pid}`, path)
      }
      return { name: name.slice(0, -'.log.xz'.length), group: 'heldout', path, bytes: statSync(path).size }
    })
}
