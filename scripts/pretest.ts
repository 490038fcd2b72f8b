/** Make sure that the Debian packages which the tests call are there: install what is missing where that is allowed. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A package, and a command or Python module whose presence says that it is installed. */
interface Need {
  readonly package: string
  readonly command?: string
  readonly module?: string
}

const NEEDS: readonly Need[] = [
  { package: 'git', command: 'git' },
  { package: 'grep', command: 'grep' },
  { package: 'gzip', command: 'gzip' },
  { package: 'xz-utils', command: 'xz' },
  { package: 'zstd', command: 'zstd' },
  { package: 'brotli', command: 'brotli' },
  { package: 'bzip2', command: 'bzip2' },
  { package: 'time', command: 'time' },
  { package: 'bzip2', command: 'bzip2' },
  { package: 'diffutils', command: 'cmp' },
  { package: 'hyperfine', command: 'hyperfine' },
  { package: 'chromium', command: 'chromium' },
  { package: 'python3', command: 'python3' },
  { package: 'python3-brotli', module: 'brotli' },
  { package: 'redis-server', command: 'redis-server' },
]

function hasCommand(name: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => folder !== '' && existsSync(join(folder, name)))
}

function hasModule(name: string): boolean {
  // Debian's own interpreter, since that is where Debian's modules are; another python3 may come first in PATH.
  return spawnSync('/usr/bin/python3', ['-c', `import ${name}`], { stdio: 'ignore' }).status === 0
}

function missing(): string[] {
  return NEEDS.filter((need) =>
    need.command === undefined ? !hasModule(need.module ?? '') : !hasCommand(need.command),
  ).map((need) => need.package)
}

function install(packages: readonly string[]): void {
  const apt = ['-y', '-q', '--no-install-recommends', 'install', ...packages]
  const options = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } } as const
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  const run = (...args: string[]) => execFileSync([...sudo, ...args][0] ?? '', [...sudo, ...args].slice(1), options)
  run('apt-get', '-q', 'update')
  run('apt-get', ...apt)
}

const wanted = missing()
if (wanted.length > 0) {
  process.stderr.write(`pretest: installing ${wanted.join(' ')}\n`)
  try {
    install(wanted)
  } catch {
    // What counts is whether the commands are there afterwards.
  }
  const left = missing()
  if (left.length > 0) {
    process.stderr.write(`pretest: these Debian packages are missing: ${left.join(' ')} (apt-get install them)\n`)
    process.exit(1)
  }
}
