/** `pith prompt code`. */
import { lstat, readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { type Arguments, type CommandContext, numberOf, PithError, textTable } from '@pith/core'
import { type CodeFile, CodeParser, compressCode, languageOf } from '../longcodezip/index.ts'
import { installedGrammars } from '../longcodezip/node/index.ts'
import type { Joiner } from '../types.ts'
import { budgetOf, figuresOf, readText, saysOf, writeText } from './inputs.ts'

/** Folders that hold no code of one's own. */
const SKIPPED: ReadonlySet<string> = new Set([
  'node_modules',
  'dist',
  'build',
  'target',
  'vendor',
  '__pycache__',
  'coverage',
])
const MAX_FILE = 2 ** 20
const MAX_FILES = 50_000

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const query = args.value('question')
  if (query === undefined) {
    throw new PithError('PITH_ARG', 'option --question is missing', {
      hint: 'Say what the code is read for: --question TEXT.',
    })
  }
  const budget = budgetOf(args)
  const files = await filesOf(args.operands, context)
  if (files.length === 0) {
    throw new PithError('PITH_ARG', 'no files of code are there', { hint: 'Name files, or a folder that has some.' })
  }
  const result = await compressCode(files, {
    ...{ query, budget, parser: new CodeParser(installedGrammars), signal: context.signal },
    joiner: (args.value('joiner') ?? 'none') as Joiner,
    ...(args.has('retention') ? { retention: numberOf(args, 'retention', 0.05, 1, false) } : {}),
  })
  const isFile = args.has('output')
  if (!context.json || isFile) await writeText(args, context, result.text)
  if (context.json) {
    const functions = result.functions.slice(0, 100)
    await context.report({
      ...figuresOf(result),
      files: files.length,
      functions,
      ...(isFile ? {} : { text: result.text }),
    })
    return 0
  }
  await context.note(`${files.length} files, ${saysOf(result)}`)
  if (args.has('explain')) {
    const rows = result.functions
      .slice(0, 20)
      .map(({ path, name, score, kept }) => [kept, score.toFixed(1), name, path])
    for (const line of textTable([['kept', 'score', 'function', 'file'], ...rows], 'lrll')
      .trimEnd()
      .split('\n')) {
      await context.note(line)
    }
  }
  return 0
}

/** Files of code under paths, by path; large ones, links and what others made are left out of folders. */
async function filesOf(paths: readonly string[], context: CommandContext): Promise<CodeFile[]> {
  const files: CodeFile[] = []
  for (const path of paths) {
    const stats = await lstat(path).catch((cause: unknown) => {
      throw new PithError('PITH_IO', `${path} cannot be read`, { cause, hint: 'Check the path.' })
    })
    if (!stats.isDirectory()) {
      files.push({ path, text: await readText(path, context) })
      continue
    }
    for (const file of await walk(path)) {
      const text = await readText(file, context).catch((error: unknown) => {
        if (context.signal.aborted) throw error
        return undefined
      })
      if (text === undefined) await context.note(`${file} is no text: left out`)
      else files.push({ path: relative(path, file), text })
    }
  }
  return files
}

async function walk(folder: string): Promise<string[]> {
  const found: string[] = []
  const folders = [folder]
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    for (const entry of await readdir(next, { withFileTypes: true })) {
      const path = join(next, entry.name)
      if (entry.isDirectory() && !SKIPPED.has(entry.name) && !entry.name.startsWith('.')) folders.push(path)
      const isCode = entry.isFile() && languageOf(entry.name) !== undefined && !/\.min\.js$/.test(entry.name)
      if (isCode && (await lstat(path)).size <= MAX_FILE) found.push(path)
      if (found.length > MAX_FILES)
        throw new PithError('PITH_LIMIT', `${folder} has more than ${MAX_FILES} files of code`)
    }
  }
  return found.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}
