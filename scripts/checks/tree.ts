/** The repository as the checks see it. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Files of a source tree: path relative to its root, with forward slashes, to text. */
export type Tree = ReadonlyMap<string, string>

/** One path that a package exports, such as `@pith/core/node`, with its source file. */
export interface Entry {
  readonly packageName: string
  readonly subpath: string
  /** `@pith/core/node` */
  readonly specifier: string
  /** Paths of the sources, relative to the root: more than one where platforms differ. */
  readonly sources: readonly string[]
  /** Paths of the built files, relative to the root. */
  readonly built: readonly string[]
}

/** What a sub-path of `exports` leads to, by conditions that may nest. */
export type Target = string | { readonly [condition: string]: Target }

/** The part of a package.json that the checks read. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports?: Readonly<Record<string, Target>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly bin?: Readonly<Record<string, string>>
}

/** Files that git knows or would take, relative to the root, in the order of their names. */
export function listFiles(root: string, pattern: RegExp): string[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const files = execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 }).split('\0')
  return [...new Set(files)].filter((file) => pattern.test(file)).sort()
}

/** Text of the files of a tree, by path; files that were removed meanwhile are left out. */
export function readTree(root: string, files: readonly string[]): Map<string, string> {
  const tree = new Map<string, string>()
  for (const file of files) {
    try {
      tree.set(file, readFileSync(join(root, file), 'utf8'))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return tree
}

/** Folders under `packages`, in the order of their names, with their manifests. */
export function listPackages(root: string): { folder: string; manifest: Manifest }[] {
  return readdirSync(join(root, 'packages'))
    .sort()
    .map((name) => {
      const folder = `packages/${name}`
      return { folder, manifest: JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Manifest }
    })
}

/** Files that a target of `exports` may lead to, whatever the conditions. */
function leaves(target: Target): string[] {
  return typeof target === 'string' ? [target] : Object.values(target).flatMap(leaves)
}

/** Every code entry of every package. */
export function listEntries(root: string): Entry[] {
  return listPackages(root).flatMap(({ folder, manifest }) =>
    Object.entries(manifest.exports ?? {}).flatMap(([subpath, target]) => {
      if (typeof target === 'string') return []
      const { 'pith-dev': source = {}, ...built } = target
      return [
        {
          packageName: manifest.name,
          subpath,
          specifier: manifest.name + subpath.slice(1),
          sources: leaves(source).map((path) => join(folder, path)),
          built: leaves(built).map((path) => join(folder, path)),
        },
      ]
    }),
  )
}
