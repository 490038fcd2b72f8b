import { type Arguments, type CommandContext, PithError, type ReadRun, type Run } from '@pith/core'
import type { ContainerEntry } from '@pith/core/container'
import { runOf } from '../command/run-options.ts'
import { asPithError, errorLines, visible } from '../command/show-error.ts'
import { Damages } from '../input/damages.ts'
import {
  decodedBytes,
  filesAmong,
  isPithFile,
  MAGIC_BYTES,
  openInput,
  openReader,
  openSource,
  shownName,
} from '../input/open-file.ts'
import { searchLog } from '../search/log-search.ts'
import { type GrepPlan, planGrep } from '../search/plan.ts'
import { LinePrinter } from '../search/printer.ts'
import { type ShowPlan, searchStream } from '../search/stream-search.ts'
import { targetsOf } from '../search/targets.ts'
import { isLogReader } from '../systems/log-reader.ts'
import { compileMatcher, type Matcher } from '../systems/search.ts'

const FOUND = 0
const NOT_FOUND = 1
const TROUBLE = 2

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const plan = await planGrep(args, context)
  const { onProgress: _, ...job } = runOf(args, context)
  const grep = new Grep(plan, compileMatcher(plan.query), job, context)
  return await grep.run()
}

interface FileCount {
  file: string
  entry?: string
  lines: number
}

/** One call of grep over all its files. */
class Grep {
  readonly #plan: GrepPlan
  readonly #matcher: Matcher
  readonly #show: ShowPlan
  readonly #job: Run
  readonly #context: CommandContext
  readonly #groups: { used: boolean } | undefined
  readonly #counts: FileCount[] = []
  readonly #damages: Damages
  #found = false
  #trouble = false

  constructor(plan: GrepPlan, matcher: Matcher, job: Run, context: CommandContext) {
    this.#plan = context.json ? { ...plan, show: 'count' } : plan
    this.#matcher = matcher
    this.#job = job
    this.#context = context
    this.#damages = new Damages(context)
    const { query, show } = this.#plan
    const inner = show === 'matches' && query.invert ? compileMatcher({ ...query, invert: false }) : undefined
    const maxCount = query.maxCount ?? Number.POSITIVE_INFINITY
    this.#show = { ...this.#plan, maxCount, ...(inner === undefined ? {} : { inner }) }
    this.#groups = plan.divided ? { used: false } : undefined
  }

  async run(): Promise<number> {
    const plan = this.#plan
    if (selectsNothing(plan) && plan.show !== 'others' && !this.#context.json) return NOT_FOUND
    for await (const target of targetsOf(plan)) {
      this.#context.signal.throwIfAborted()
      try {
        if ('error' in target) throw target.error
        await this.#searchFile(target.path)
      } catch (error) {
        await this.#tell(error)
      }
      if (plan.show === 'nothing' && this.#found) return FOUND
    }
    const trouble = this.#trouble || this.#damages.any
    if (this.#context.json) {
      const { list } = this.#damages
      await this.#context.report({ ok: !trouble, files: this.#counts, ...(list.length > 0 ? { damaged: list } : {}) })
    }
    return trouble ? TROUBLE : this.#found ? FOUND : NOT_FOUND
  }

  /** Say what is wrong with one file and go on with the next. */
  async #tell(error: unknown): Promise<void> {
    const known = asPithError(error)
    if (this.#context.signal.aborted || isClosed(error)) throw error
    this.#trouble = true
    if (this.#plan.silent && known.code === 'PITH_IO') return
    await this.#context.stdout.flush()
    await this.#context.stderr.write(errorLines(known))
    await this.#context.stderr.flush()
  }

  async #searchFile(path: string): Promise<void> {
    const context = this.#context
    const source = await openInput(path, context)
    if (!isPithFile(await source.head(MAGIC_BYTES))) {
      try {
        this.#refuseTimes(path)
        await this.#searchBytes(labelOf(path), { file: shownName(path) }, source.stream())
      } finally {
        await source.close()
      }
      return
    }
    const file = await openSource(source, path, context, this.#job.limits)
    try {
      const entries: ContainerEntry[] = []
      for await (const entry of file.container.entries(this.#job)) entries.push(entry)
      const run = this.#damages.in(this.#job, file)
      for (const entry of filesAmong(entries)) {
        await this.#searchEntry(path, entry, run)
        if (this.#plan.show === 'nothing' && this.#found) return
      }
    } finally {
      await this.#damages.tell()
      await file.close()
    }
  }

  async #searchEntry(path: string, entry: ContainerEntry, job: ReadRun): Promise<void> {
    const label = entry.path === undefined ? labelOf(path) : `${labelOf(path)}:${visible(entry.path)}`
    const count = { file: shownName(path), ...(entry.path === undefined ? {} : { entry: entry.path }) }
    const opened = await openReader(entry, job)
    try {
      if (opened !== undefined && isLogReader(opened.reader)) {
        const { reader, run } = opened
        await this.#printed(label, count, entry.path !== undefined, (printer) =>
          searchLog(reader, this.#matcher, this.#plan.query, this.#show, printer, run),
        )
      } else {
        this.#refuseTimes(label)
        await this.#searchBytes(label, count, decodedBytes(entry, job), entry.path !== undefined)
      }
    } finally {
      await opened?.reader.close()
    }
  }

  async #searchBytes(
    label: string,
    count: Omit<FileCount, 'lines'>,
    chunks: AsyncIterable<Uint8Array>,
    named = false,
  ): Promise<void> {
    await this.#printed(label, count, named, (printer) => searchStream(chunks, this.#matcher, this.#show, printer))
  }

  /** Search, and print what stands for the whole file. */
  async #printed(
    label: string,
    count: Omit<FileCount, 'lines'>,
    named: boolean,
    search: (printer: LinePrinter) => Promise<number>,
  ): Promise<void> {
    const { show, names, files, recursive, numbers } = this.#plan
    const { stdout, json } = this.#context
    const labelled = names ?? (named || files.length > 1 || recursive)
    const printer = new LinePrinter(stdout, {
      label: labelled ? label : undefined,
      numbers,
      ...(this.#groups === undefined ? {} : { groups: this.#groups }),
    })
    let lines = 0
    try {
      lines = await search(printer)
    } finally {
      await printer.drain(true)
    }
    if (lines > 0) this.#found = true
    if (json) this.#counts.push({ ...count, lines })
    else if (show === 'count') await stdout.write(labelled ? `${label}:${lines}\n` : `${lines}\n`)
    else if (show === (lines > 0 ? 'names' : 'others')) await stdout.write(`${label}\n`)
  }

  #refuseTimes(name: string): void {
    const { since, until } = this.#plan.query
    if (since === undefined && until === undefined) return
    throw new PithError('PITH_UNSUPPORTED', `${name} has no times that --since and --until could look at`, {
      hint: 'Compress the log with pith compress first.',
    })
  }
}

/** Whether grep knows without a look at the files that it selects nothing, and then does not even print counts. */
function selectsNothing({ query }: GrepPlan): boolean {
  const { patterns, maxCount, invert, word, lineRegexp } = query
  if (maxCount === 0) return true
  const matchesAll = patterns.length === 1 && patterns[0]?.length === 0 && !word && !lineRegexp
  return matchesAll && invert === true
}

function labelOf(path: string): string {
  return path === '-' ? '(standard input)' : path
}

function isClosed(error: unknown): boolean {
  return error instanceof Error && error.name === 'ClosedOutput'
}
