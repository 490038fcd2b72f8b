/** A reader who follows a document: the folder that the commands and programs of documents run in, and running them. */
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { listBlocks } from '../checks/documents.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')

/** Documents whose commands take longer than a test should; they run in `npm run test:slow`. */
export const SLOW: readonly string[] = ['docs/kv-cachegen.md', 'docs/kv-uncomp.md', 'docs/prompt-llmlingua2.md']

const LIMIT_MS = 590_000

/** A folder that looks like the clone to a reader: its README, the samples, the models, and what `npm install` made. */
export function makeClone(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pith-docs-'))
  const filter = (path: string) => !path.endsWith('.pith')
  cpSync(join(root, 'examples'), join(folder, 'examples'), { recursive: true, filter })
  for (const name of ['package.json', 'README.md']) cpSync(join(root, name), join(folder, name))
  for (const name of ['node_modules', 'models']) symlinkSync(join(root, name), join(folder, name))
  return folder
}

/** Commands without those that other steps run (an install, npm scripts), and without npx, which takes longer than pith. */
export function withoutNpm(script: string): string {
  return script
    .replaceAll('npx pith', 'pith')
    .replaceAll(/^npm (install|ci) && /gm, '')
    .replaceAll(/^(npm|git clone|cd) .*$/gm, '')
    .trim()
}

/** Run commands in a folder, its tools first; what they need of a home folder is within it. */
export async function bash(script: string, cwd: string): Promise<void> {
  const path = `${join(cwd, 'node_modules/.bin')}${delimiter}${process.env['PATH'] ?? ''}`
  const env: NodeJS.ProcessEnv = { ...process.env, PATH: path, HOME: cwd, NO_COLOR: '1', npm_config_offline: 'true' }
  for (const name of ['NODE_OPTIONS', 'XDG_CACHE_HOME']) delete env[name]
  const options = { cwd, env, timeout: LIMIT_MS, maxBuffer: 1 << 26 }
  // What a block starts and leaves behind, as where it fails, ends with it.
  const ended = `trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n${script}`
  await run('bash', ['-euo', 'pipefail', '-c', ended], options)
}

/** Run the commands of a document, one block after the other, as they stand there. */
export async function runCommands(file: string, text: string, folder: string): Promise<void> {
  for (const block of listBlocks(file, text)) {
    const script = block.language === 'sh' ? withoutNpm(block.text) : ''
    if (script !== '') await bash(script, folder)
  }
}

/** Run the programs of a document. */
export async function runPrograms(file: string, text: string, folder: string): Promise<void> {
  const programs = listBlocks(file, text).filter(({ language }) => language === 'ts')
  for (const [index, program] of programs.entries()) {
    writeFileSync(join(folder, `program-${index}.ts`), program.text)
    await bash(`node program-${index}.ts`, folder)
  }
}
