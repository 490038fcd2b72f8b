import { type Arguments, type CommandContext, formatCount, PithError } from '@pith/core'
import { runOf } from '../command/run-options.ts'
import { visible } from '../command/show-error.ts'
import { showTime } from '../command/show-time.ts'
import { parseCount } from '../command/sizes.ts'
import { Damages } from '../input/damages.ts'
import { entriesOf, filesAmong, inFile, openFile, openReader, shownName } from '../input/open-file.ts'
import { isLogReader, type LineReader } from '../systems/log-reader.ts'

/** Exit code where the lines of some parts are not counted. */
const MISSING = 2
/** Rows that are laid out at once. */
const BATCH = 1000

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const path = args.operands[0]!
  const top = args.value('top')
  const most = top === undefined ? Number.POSITIVE_INFINITY : parseCount(top, '--top')
  const file = await openFile(path, context)
  try {
    const damages = new Damages(context)
    const job = damages.in(runOf(args, context), file)
    const logs = []
    for (const entry of filesAmong(await entriesOf(file, args.value('entry')))) {
      const opened = await openReader(entry, job)
      if (opened === undefined) continue
      const { reader, run: own } = opened
      try {
        if (!isLogReader(reader)) continue
        const templates = (await reader.templates(own)).slice(0, most)
        await damages.tell()
        logs.push({ ...(entry.path === undefined ? {} : { entry: entry.path }), lines: reader.lines, templates })
        if (!context.json) await show(entry.path, templates, reader, context)
      } finally {
        await reader.close()
      }
    }
    if (logs.length === 0) {
      throw new PithError('PITH_UNSUPPORTED', `${shownName(path)} holds no log`, {
        hint: 'Templates are known of what pith compressed with --method logzip.',
      })
    }
    if (context.json) {
      const state = damages.any ? { ok: false, damaged: damages.list } : {}
      await context.report({ ...state, file: shownName(path), logs: logs.map(withDates) })
    }
    return damages.any ? MISSING : 0
  } catch (error) {
    throw inFile(path, error)
  } finally {
    await file.close()
  }
}

type Templates = Awaited<ReturnType<LineReader['templates']>>

async function show(
  name: string | undefined,
  templates: Templates,
  reader: LineReader,
  context: CommandContext,
): Promise<void> {
  const dated = reader.times?.dated ?? templates.some(({ first }) => first !== undefined && !isYear2000(first))
  if (name !== undefined) await context.stdout.write(`${visible(name)}:\n`)
  const width = Math.max(5, ...templates.map(({ count }) => formatCount(count).length))
  const timed = templates.some(({ first }) => first !== undefined)
  const head = [
    'COUNT'.padStart(width),
    ...(timed ? ['FIRST'.padEnd(dated ? 19 : 14), 'LAST'.padEnd(dated ? 19 : 14)] : []),
  ]
  await context.stdout.write(`${[...head, 'TEMPLATE'].join('  ')}\n`)
  for (let at = 0; at < templates.length; at += BATCH) {
    const lines = templates.slice(at, at + BATCH).map(({ count, first, last, text }) => {
      const shown = [first, last].map((time) =>
        (time === undefined ? '' : showTime(time, dated)).padEnd(dated ? 19 : 14),
      )
      const times = timed ? shown : []
      return `${[formatCount(count).padStart(width), ...times, visible(text)].join('  ')}\n`
    })
    await context.stdout.write(lines.join(''))
  }
}

/** Where times of a log without years lie. */
function isYear2000(time: number): boolean {
  return new Date(time).getUTCFullYear() === 2000
}

function withDates<T extends { templates: Templates }>(log: T): object {
  const templates = log.templates.map(({ id, text, count, first, last }) => ({
    id,
    count,
    ...(first === undefined ? {} : { first: new Date(first).toISOString() }),
    ...(last === undefined ? {} : { last: new Date(last).toISOString() }),
    text,
  }))
  return { ...log, templates }
}
