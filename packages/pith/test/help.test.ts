import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bashCompletion, fishCompletion, zshCompletion } from '../src/command/completion.ts'
import { manPage } from '../src/command/man-page.ts'
import { nearest } from '../src/command/nearest.ts'
import { checkOperands, optionsOf, parseArguments } from '../src/command/parse-arguments.ts'
import { manifest } from '../src/manifest/index.ts'
import { makeFolder, pith } from './host.ts'

const tmp = makeFolder()
const { verbs } = manifest

test('without a verb the overview goes to stderr with exit code 2, with --help to stdout', async () => {
  const bare = await pith(tmp, [])
  const asked = await pith(tmp, '--help')
  expect({ code: bare.code, out: bare.out }).toEqual({ code: 2, out: '' })
  expect({ code: asked.code, err: asked.err, out: asked.out }).toEqual({ code: 0, err: '', out: bare.err })
  expect((await pith(tmp, 'help')).out).toBe(bare.err)
  // The column of the summaries is as wide as the longest name of all rooms.
  const rows = new Map(bare.err.split('\n').map((line) => [line.slice(2).split(/ {2,}/)[0], line.split(/ {2,}/)[2]]))
  for (const verb of verbs) expect(rows.get(verb.name)).toBe(verb.summary)
})

test('help of a verb is exact', async () => {
  expect(await pith(tmp, 'list --help')).toMatchObject({
    code: 0,
    err: '',
    out: `Usage: pith list [OPTIONS] FILE

Show what a .pith file holds.

Operands:
  FILE         a .pith file

Options:
      --json   print one machine-readable report on stdout
  -q, --quiet  say nothing but errors
      --debug  print the stack of an error
  -h, --help   print help for this verb

Examples:
  pith list logs.pith
      size, ratio, codec and name of each entry
  pith list --json logs.pith
      the same for programs

Exit codes: 0 done, 1 failed, 2 bad usage, 130 interrupted.
`,
  })
})

test.each(verbs.map((verb) => [verb.name, verb] as const))(
  'help of %s fits 80 columns and has examples that parse',
  async (name, verb) => {
    const { out } = await pith(tmp, ['help', ...name.split(' ')])
    const long = out
      .split('\n')
      .filter((line) => line.length > 80 && !line.startsWith('  pith') && !line.includes('| pith'))
    expect(long).toEqual([])
    expect(verb.examples.length).toBeGreaterThan(0)
    for (const { line } of verb.examples) {
      const call = line.split(/[|()]|\s>\s/).find((part) => part.trim().startsWith('pith'))
      const words =
        (call ?? '')
          .trim()
          .match(/'[^']*'|\S+/g)
          ?.map((word) => word.replaceAll("'", '')) ?? []
      expect(words[0]).toBe('pith')
      const args = parseArguments(verb, words.slice(1 + name.split(' ').length))
      checkOperands(verb, args.operands)
    }
  },
)

test.each([
  ['lst a', 'there is no verb lst', 'Did you mean pith list?'],
  ['list --jsno a', 'list has no option --jsno', 'Did you mean --json?'],
  ['list -Z a', 'list has no option -Z', 'See pith list --help.'],
  ['list', 'FILE is missing', 'See pith list --help.'],
  ['list a b', 'one operand too many: b', 'See pith list --help.'],
  ['compress a --level', 'option --level needs a value LEVEL', 'See pith compress --help.'],
  ['compress a --level best', '--level must be one of fast, default, max, got best', 'See pith compress --help.'],
  ['compress a --force=yes', 'option --force takes no value', 'See pith compress --help.'],
  ['compress a --threads none', '--threads must be an integer in 1..256, got none', undefined],
  ['compress a --chunk big', '--chunk must be a size such as 64K, 8MiB or 1GB, got big', undefined],
  ['completion tcsh', 'SHELL must be one of bash, zsh, fish, got tcsh', 'See pith completion --help.'],
])('bad usage: %s', async (line, message, hint) => {
  const err = `pith: error PITH_ARG: ${message}\n${hint === undefined ? '' : `hint: ${hint}\n`}`
  expect(await pith(tmp, line)).toMatchObject({ code: 2, out: '', err })
})

test('with --json an error is on stdout as well', async () => {
  const { code, out } = await pith(tmp, 'list --json TMP/none.pith')
  expect({ code, report: JSON.parse(out) }).toEqual({
    code: 1,
    report: { ok: false, error: { code: 'PITH_IO', message: 'TMP/none.pith does not exist', hint: 'Check the path.' } },
  })
})

test('--debug adds the stack', async () => {
  expect((await pith(tmp, 'list TMP/none.pith --debug')).err).toMatch(/\n\s+at .*\.ts:\d+/)
})

test('rooms that are not installed say what to install', async () => {
  expect(await pith(tmp, 'image pack x')).toMatchObject({
    code: 1,
    err: 'pith: error PITH_CAPABILITY: pith image comes with @pith/signal, which is not installed\nhint: Run npm install @pith/signal.\n',
  })
})

test('options parse as GNU tools take them', () => {
  const grep = verbs.find((verb) => verb.name === 'grep')!
  const args = parseArguments(grep, ['-inA3', 'x', '-e', '-v', '--context=2', '-5', '--', '-f'])
  expect([args.has('ignore-case'), args.has('line-number'), args.value('after-context')]).toEqual([true, true, '3'])
  expect([args.values('regexp'), args.values('context'), args.operands]).toEqual([['-v'], ['2', '5'], ['x', '-f']])
})

test('the nearest word is near', () => {
  const words = ['compress', 'decompress', 'grep', 'cat']
  expect(['comprss', 'gerp', 'decompres', 'xyz', 'zzzzzzzz'].map((word) => nearest(word, words))).toEqual([
    'compress',
    'grep',
    'decompress',
    undefined,
    undefined,
  ])
})

test('completions and the manual page name every verb and option', () => {
  const texts = [
    bashCompletion(verbs),
    zshCompletion(verbs),
    fishCompletion(verbs),
    manPage(manifest.summary, verbs).replaceAll('\\', ''),
  ]
  for (const [at, text] of texts.entries()) {
    for (const verb of verbs) {
      expect(text).toContain(verb.name)
      for (const option of optionsOf(verb)) expect(text).toContain(at === 2 ? `-l ${option.name}` : `--${option.name}`)
    }
  }
})

test('bash completes verbs, options and their values', () => {
  const complete = (...words: string[]): string[] => {
    const script = `${bashCompletion(verbs)}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pith; printf '%s\\n' "\${COMPREPLY[@]}"`
    return execFileSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8' })
      .trim()
      .split('\n')
  }
  expect(complete('pith', 'dec')).toEqual(['decompress'])
  expect(complete('pith', 'grep', '--inv')).toEqual(['--invert-match'])
  expect(complete('pith', 'compress', '-l', '')).toEqual(['fast', 'default', 'max'])
  expect(complete('pith', 'compress', 'a', '--level', 'm')).toEqual(['max'])
  expect(complete('pith', 'completion', '')).toEqual(['bash', 'zsh', 'fish'])
})

test('the manual page has no line that roff would take for a request', () => {
  const requests = new Set(['.TH', '.SH', '.SS', '.TP', '.PP', '.B', '.I', '.br'])
  for (const line of manPage(manifest.summary, verbs).split('\n')) {
    if (/^[.']/.test(line)) expect(requests).toContain(line.split(' ')[0])
  }
})

test('systems, doctor, fit', async () => {
  expect((await pith(tmp, 'systems')).out).toMatch(/^general +General codec\n/m)
  expect((await pith(tmp, 'systems general')).out).toContain('Benchmark: none\n')
  expect(await pith(tmp, 'systems generl')).toMatchObject({
    code: 2,
    err: 'pith: error PITH_ARG: there is no system generl\nhint: Did you mean general?\n',
  })
  const doctor = await pith(tmp, 'doctor --json')
  expect(doctor.code).toBe(0)
  expect(JSON.parse(doctor.out)).toMatchObject({ ok: true })
  expect(await pith(tmp, 'fit logs')).toMatchObject({ code: 1 })
})

test('the version is that of the package', async () => {
  const packed = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as { version: string }
  const cli = join(import.meta.dirname, '../src/cli.ts')
  const out = execFileSync(process.execPath, ['--conditions=pith-dev', cli, '--version'], { encoding: 'utf8' })
  expect(out).toBe(`pith ${packed.version}\n`)
  expect(createRequire(import.meta.url).resolve('../bin/pith.js')).toContain('pith.js')
})
