import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listPackages } from './checks/tree.ts'

const root = join(import.meta.dirname, '..')
const work = mkdtempSync(join(tmpdir(), 'pith-install-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))

/** Surroundings without what npm and Vitest set for their children, and with this Node first. */
function surroundings(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS$|VITEST|NODE_ENV$)/.test(name))
  return { ...Object.fromEntries(kept), PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}` }
}

function call(cwd: string, command: string, ...args: string[]): string {
  return execFileSync(command, args, {
    cwd,
    env: surroundings(),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Pack rooms, and install them in a new folder. */
function installPacked(folder: string, rooms: readonly string[]): void {
  const tarballs = mkdtempSync(join(work, 'packed-'))
  for (const name of rooms) call(join(root, 'packages', name), 'npm', 'pack', '--pack-destination', tarballs)
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
  // Libraries for graphics cards are not fetched.
  cpSync(join(root, '.npmrc'), join(folder, '.npmrc'))
  const paths = readdirSync(tarballs).map((name) => join(tarballs, name))
  call(folder, 'npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', ...paths)
}

/** Import every entry of installed rooms, and look for its types. */
function importEntries(folder: string, rooms: readonly string[]): void {
  for (const { manifest } of listPackages(root).filter((item) =>
    rooms.includes(item.folder.replace('packages/', '')),
  )) {
    const entries = Object.entries(manifest.exports ?? {}).filter(
      ([subpath, target]) => typeof target !== 'string' && !/\*|testing|worker$/.test(subpath),
    )
    const imports = entries.map(([subpath]) => `await import(${JSON.stringify(manifest.name + subpath.slice(1))})`)
    call(folder, 'node', '--input-type=module', '-e', imports.join('\n'))
    for (const [, target] of entries) {
      const types = typeof target === 'string' ? undefined : target['types']
      if (typeof types === 'string') expect(existsSync(join(folder, 'node_modules', manifest.name, types))).toBe(true)
    }
  }
}

const LOG = join(root, 'examples/sample/access.log')
const HITS = readFileSync(LOG, 'latin1')
  .split('\n')
  .filter((line) => line.includes(' 502 '))

describe('the packed packages, installed in an empty folder', () => {
  const folder = join(work, 'elsewhere')
  beforeAll(() => {
    installPacked(folder, ['core', 'text', 'pith'])
    cpSync(LOG, join(folder, 'access.log'))
  })

  test('compress, search and give back a log', () => {
    call(folder, 'npx', '--no-install', 'pith', 'compress', 'access.log')
    expect(statSync(join(folder, 'access.log.pith')).size).toBeLessThan(statSync(LOG).size / 10)
    const hits = call(folder, 'npx', '--no-install', 'pith', 'grep', '-F', ' 502 ', 'access.log.pith')
    expect(hits.split('\n').filter((line) => line !== '')).toEqual(HITS)
    call(folder, 'npx', '--no-install', 'pith', 'decompress', 'access.log.pith', '-o', 'back.log')
    expect(readFileSync(join(folder, 'back.log')).equals(readFileSync(LOG))).toBe(true)
  })

  test('every entry can be imported, with its types beside it', () => {
    importEntries(folder, ['core', 'text', 'pith'])
  })

  test('bring no neural runtime and no native code', () => {
    const installed = readdirSync(join(folder, 'node_modules'), { recursive: true, encoding: 'utf8' })
    const unwanted = installed.filter((path) => /onnxruntime|tensorflow|transformers|llama|sharp|\.node$/.test(path))
    expect(unwanted).toEqual([])
  })

  test('hold no tests and no build leftovers', () => {
    const files = readdirSync(join(folder, 'node_modules'), { recursive: true, encoding: 'utf8' })
    expect(files.filter((path) => /(^|\/)(@pith|pith)\/.*(\.test\.|\.bench\.|tsbuildinfo)/.test(path))).toEqual([])
  })
})

describe('packed search and prompts, installed in an empty folder', () => {
  const folder = join(work, 'with-models')
  beforeAll(() => {
    installPacked(folder, ['core', 'text', 'engine', 'lm', 'kv', 'index', 'context', 'pith'])
    cpSync(join(root, 'examples/sample/garden'), join(folder, 'garden'), { recursive: true })
  })
  const pith = (...args: string[]) => call(folder, 'npx', '--no-install', 'pith', ...args)

  test('every entry can be imported, with its types beside it', () => {
    importEntries(folder, ['engine', 'lm', 'kv', 'index', 'context'])
  })

  test('an index is built and asked', () => {
    pith('index', 'build', 'garden', '-o', 'garden.pith')
    const { hits } = JSON.parse(pith('index', 'search', 'garden.pith', 'prune an apple tree', '--json')) as {
      hits: readonly { id: string }[]
    }
    expect(hits[0]?.id).toMatch(/^pruning-apples\.md/)
  })

  test('a prompt is cut, and all systems are told', () => {
    const cut = pith('prompt', 'compress', 'garden/slugs.md', '--budget', '50tok', '-Q', 'beer traps')
    expect(cut.length).toBeGreaterThan(0)
    expect(cut.length).toBeLessThan(statSync(join(folder, 'garden/slugs.md')).size)
    const { systems } = JSON.parse(pith('systems', '--json')) as { systems: readonly { id: string }[] }
    expect(systems.map(({ id }) => id)).toEqual(expect.arrayContaining(['bm25', 'engine', 'gear', 'lm', 'prompt']))
  })
})

test("the README's first command works in a fresh clone", () => {
  const clone = join(work, 'clone')
  call(work, 'git', 'clone', '-q', '--no-hardlinks', root, clone)
  const command = /^npm install && (npx pith .*)$/m.exec(readFileSync(join(clone, 'README.md'), 'utf8'))?.[0]
  expect(command).toBeDefined()
  call(clone, 'bash', '-c', command ?? 'false')
  expect(call(clone, 'git', 'status', '--porcelain', '--untracked-files=no')).toBe('')
})

describe.each(['10', '11'])('a plain install with npm %s', (version) => {
  test('ends with the native runtime loaded', () => {
    const clone = join(work, `npm-${version}`)
    call(work, 'git', 'clone', '-q', '--no-hardlinks', root, clone)
    call(clone, 'npx', '--yes', `npm@${version}`, 'install')
    const { checks } = JSON.parse(call(clone, 'npx', '--no-install', 'pith', 'doctor', '--json')) as {
      checks: readonly { name: string; ok: boolean; says: string }[]
    }
    expect(checks.find(({ name }) => name === 'engine')).toEqual({
      name: 'engine',
      ok: true,
      says: 'onnxruntime, native',
    })
    // npm 10 leaves the C library of packages out of the lock file.
    const changed = call(clone, 'git', 'status', '--porcelain', '--untracked-files=no').trim()
    expect(version === '10' ? ['', 'M package-lock.json'] : ['']).toContain(changed)
  })
})
