/** What programs print: made by running them, on this repository and on files that are written for it. */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../measure/machine.ts'

export interface ToolOutput {
  readonly name: string
  readonly text: string
  /** Lines that a reader looks for; absent where the program tells of no trouble. */
  readonly trouble?: RegExp
}

function run(command: readonly string[], cwd: string = ROOT): string {
  const [program, ...args] = command as [string, ...string[]]
  const { stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8', maxBuffer: 2 ** 26 })
  return stdout + stderr
}

/** A test of Python with 200 cases, three of which fail. */
const PYTHON_TEST = `
import unittest
class Parts(unittest.TestCase):
    def check(self, i):
        self.assertEqual(i % 67, -i if i in (13, 77, 150) else i % 67, f'part {i} of /srv/app/data/{i}.bin')
for i in range(200):
    setattr(Parts, f'test_part_{i:03d}', lambda self, i=i: self.check(i))
unittest.main(verbosity=2)
`
const C_FILE = `
#include <stdio.h>
static int unused_one(int a) { return a; }
int main(void) { int x; char *p = 7; printf("%d %s\\n", x, 3); return undeclared_name; }
`

/** Outputs of programs, in a folder that is gone afterwards. */
function runPrograms(): ToolOutput[] {
  const folder = mkdtempSync(join(tmpdir(), 'pith-tools-'))
  try {
    mkdirSync(join(folder, 'src'))
    for (let i = 0; i < 150; i++) {
      const wrong = i % 50 === 7
      const text = `export const value${i}: ${wrong ? 'string' : 'number'} = ${i}\n${wrong ? `missing${i}()\n` : ''}`
      writeFileSync(join(folder, `src/module-${i}.ts`), text)
    }
    writeFileSync(
      join(folder, 'tsconfig.json'),
      '{"compilerOptions": {"noEmit": true, "strict": true, "types": []}, "include": ["src"]}',
    )
    writeFileSync(join(folder, 'parts.py'), PYTHON_TEST)
    writeFileSync(join(folder, 'main.c'), C_FILE)
    const tsc = join(ROOT, 'node_modules/.bin/tsc')
    const outputs: ToolOutput[] = [
      {
        name: 'tsc --listFiles',
        text: run([tsc, '-p', '.', '--pretty', 'false', '--listFiles'], folder),
        trouble: /: error TS\d+/,
      },
      {
        name: 'python -m unittest -v',
        text: run(['python3', 'parts.py'], folder),
        trouble: /^(?:AssertionError|FAIL: |FAILED)| \.\.\. FAIL$/,
      },
      { name: 'npm ls --all --json', text: run(['npm', 'ls', '--all', '--json', '--loglevel=silent']) },
      { name: 'npm ls --all', text: run(['npm', 'ls', '--all', '--loglevel=silent']) },
      {
        name: 'git diff --no-index',
        text: run(['git', 'diff', '--no-index', 'packages/lm/src', 'packages/kv/src']).slice(0, 200_000),
      },
      { name: 'package-lock.json', text: readFileSync(join(ROOT, 'package-lock.json'), 'utf8').slice(0, 2e6) },
      { name: 'page of lunr', text: readFileSync(join(ROOT, 'node_modules/lunr/index.html'), 'utf8') },
    ]
    const gcc = run(['gcc', '-Wall', '-Wextra', '-v', '-H', '-c', 'main.c', '-o', 'main.o'], folder)
    if (gcc.includes('main.c'))
      outputs.push({ name: 'gcc -v -H', text: gcc, trouble: /^main\.c:.* (?:error|warning): / })
    return outputs.filter(({ text }) => text.length > 2000)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Logs of systems in which few lines tell of trouble, by their own levels. */
function readLogs(): ToolOutput[] {
  const folder = join(process.env['PITH_DATA'] ?? '', 'text/logs')
  if (!existsSync(folder)) return []
  const levels: Readonly<Record<string, RegExp>> = {
    Hadoop_2k: / (?:ERROR|FATAL) /,
    Zookeeper_2k: / - ERROR /,
    OpenStack_2k: / (?:ERROR|WARNING) /,
    Apache_2k: /\[error\]/,
    BGL_2k: / (?:FATAL|SEVERE|ERROR) /,
    kafka0_all: / (?:ERROR|WARN) /,
  }
  return globSync('*.log', { cwd: folder })
    .sort()
    .flatMap((file) => {
      const name = file.replace('.log', '')
      const trouble = levels[name]
      return trouble === undefined
        ? []
        : [{ name, trouble, text: readFileSync(join(folder, file), 'utf8').slice(0, 300_000) }]
    })
}

export function toolOutputs(): ToolOutput[] {
  return [...runPrograms(), ...readLogs()]
}
