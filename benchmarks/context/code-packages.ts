/** Packages whose sources are the code that is asked about: fetched once by their own clients into a folder, never installed. */
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** A package of sources. */
export interface CodePackage {
  readonly name: string
  readonly from: 'debian' | 'npm'
  readonly version: string
  /** What is read of it, and what of that is left out. */
  readonly files: string
  readonly without?: RegExp
  /** Whether constants were chosen on it, it was looked at to tell which ideas stay, or it was measured once all was settled. */
  readonly role: 'tuned' | 'compared' | 'unseen'
}

/** A file of a package. */
export interface PackageFile {
  /** In the package. */
  readonly path: string
  readonly text: string
}

const debian = (
  name: string,
  version: string,
  files: string,
  role: CodePackage['role'] = 'compared',
  without?: RegExp,
): CodePackage => ({
  ...{ name, from: 'debian', version, files, role },
  ...(without === undefined ? {} : { without }),
})
const npm = (
  name: string,
  version: string,
  files: string,
  role: CodePackage['role'] = 'compared',
  without?: RegExp,
): CodePackage => ({
  ...{ name, from: 'npm', version, files, role },
  ...(without === undefined ? {} : { without }),
})

const PYTHON = 'usr/lib/python3/dist-packages'
const GO = 'usr/share/gocode/src/github.com'
const CARGO = 'usr/share/cargo/registry'

export const PACKAGES: readonly CodePackage[] = [
  debian('python3-click', '8.1.3-2', `${PYTHON}/click/**/*.py`, 'tuned'),
  debian('golang-github-spf13-cobra-dev', '1.6.1-1', `${GO}/**/*.go`, 'tuned', /_test\.go$/),
  debian('librust-regex-automata-dev', '0.1.8-2', `${CARGO}/**/src/**/*.rs`, 'tuned', /\/tests?\b/),
  npm('@capacitor/android', '8.5.2', '**/src/main/**/*.java', 'tuned'),
  npm('hono', '4.13.19', 'dist/**/*.js', 'tuned', /^dist\/cjs\//),
  debian('python3-httpx', '0.23.3-1', `${PYTHON}/httpx/**/*.py`, 'tuned'),
  debian('python3-docutils', '0.19+dfsg-6', `${PYTHON}/docutils/**/*.py`, 'tuned'),
  debian('golang-github-gin-gonic-gin-dev', '1.8.1-1', `${GO}/**/*.go`, 'tuned', /_test\.go$/),
  debian('librust-rand-dev', '0.8.5-1', `${CARGO}/**/src/**/*.rs`, 'tuned'),
  npm('three', '0.180.0', 'src/**/*.js', 'tuned'),
  debian('python3-flask', '2.2.2-3', `${PYTHON}/flask/**/*.py`),
  debian('python3-rich', '13.3.1-1', `${PYTHON}/rich/**/*.py`),
  debian('python3-requests', '2.28.1+dfsg-1', `${PYTHON}/requests/**/*.py`),
  debian('python3-networkx', '2.8.8-1', `${PYTHON}/networkx/**/*.py`, 'compared', /\/tests?\//),
  debian('golang-github-gorilla-mux-dev', '1.8.0-1', `${GO}/**/*.go`, 'compared', /_test\.go$/),
  debian(
    'golang-github-prometheus-client-golang-dev',
    '1.14.0-3',
    `${GO}/**/*.go`,
    'compared',
    /_test\.go$|\/examples?\//,
  ),
  debian('librust-itertools-dev', '0.10.3-1', `${CARGO}/**/src/**/*.rs`),
  debian('nlohmann-json3-dev', '3.11.2-2', 'usr/include/**/*.hpp'),
  npm('cordova-android', '15.1.0', 'framework/**/*.java'),
  npm('react-native', '0.76.9', 'ReactAndroid/src/main/**/*.{java,kt}'),
  npm('lodash', '4.17.21', 'lodash.js'),
  npm('date-fns', '4.1.0', '*.js', 'compared', /^(?:cdn|locale)/),
  npm('rxjs', '7.8.2', 'src/**/*.ts'),
  debian('python3-pygments', '2.14.0+dfsg-1', `${PYTHON}/pygments/*.py`, 'unseen'),
  debian('golang-github-spf13-viper-dev', '1.10.1-1', `${GO}/**/*.go`, 'unseen', /_test\.go$/),
  debian('librust-url-dev', '2.3.1-1', `${CARGO}/**/src/**/*.rs`, 'unseen'),
  debian('librust-indexmap-dev', '1.9.2-1', `${CARGO}/**/src/**/*.rs`, 'unseen'),
  npm('ramda', '0.32.0', 'src/**/*.js', 'unseen'),
  npm('mathjs', '15.2.0', 'lib/esm/**/*.js', 'unseen'),
  npm('fastify', '5.12.8', 'lib/**/*.js', 'unseen'),
  npm('underscore', '1.13.8', 'modules/**/*.js', 'unseen'),
]

/** Where the sources of packages lie in a cache. */
function folderOf({ name, version }: CodePackage, cache: string): string {
  return join(cache, 'code', `${name.replace(/[^a-z0-9.-]+/g, '-')}-${version}`)
}

/**
 * The files of a package, by path; the package is fetched where the cache lacks it.
 *
 * @throws MissingSources one line that says which package is missing and which command gets it
 */
export function filesOfPackage(own: CodePackage, cache: string): PackageFile[] {
  const folder = folderOf(own, cache)
  if (!existsSync(folder)) fetchPackage(own, folder)
  return globSync(own.files, { cwd: folder })
    .filter((path) => own.without?.test(path) !== true && statSync(join(folder, path)).isFile())
    .sort((a, b) => (a < b ? -1 : 1))
    .map((path) => ({ path, text: readFileSync(join(folder, path), 'utf8') }))
}

/** The sources of a package are not at hand and cannot be fetched from here. */
export class MissingSources extends Error {}

function fetchPackage({ name, from, version }: CodePackage, folder: string): void {
  const part = `${folder}.part-${process.pid}`
  mkdirSync(part, { recursive: true })
  const run = (command: string, ...args: string[]): void => {
    execFileSync(command, args, { cwd: part, stdio: ['ignore', 'ignore', 'pipe'], timeout: 300_000 })
  }
  const pinned = from === 'debian' ? `${name}=${version}` : `${name}@${version}`
  const [command, ...args] =
    from === 'debian' ? ['apt-get', '-q', 'download', pinned] : ['npm', 'pack', '--silent', '--ignore-scripts', pinned]
  try {
    run(command as string, ...args)
    const archive = globSync(from === 'debian' ? '*.deb' : '*.tgz', { cwd: part })[0] as string
    if (from === 'debian') run('dpkg-deb', '-x', archive, '.')
    else run('tar', '-xzf', archive, '--strip-components=1')
    rmSync(join(part, archive))
    renameSync(part, folder)
  } catch (cause) {
    rmSync(part, { recursive: true, force: true })
    const how = `(cd /tmp && ${[command, ...args].join(' ')})`
    throw new MissingSources(`the sources of ${pinned} are missing and could not be fetched; see what ${how} says`, {
      cause,
    })
  }
}
