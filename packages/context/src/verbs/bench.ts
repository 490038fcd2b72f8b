/** `pith prompt bench`. */
import { scheduler } from 'node:timers/promises'
import { type Arguments, type CommandContext, PithError, textTable } from '@pith/core'
import { type AnswerRow, measureAnswers } from '../measure/index.ts'
import { backgroundOf } from '../select/background.ts'
import type { Background } from '../select/bm25.ts'
import { readText } from './inputs.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const ratios = ratiosOf(args.value('ratio') ?? '5,10')
  const background = await backgroundOption(args.value('background') ?? 'general', context)
  const rows = rowsOf(await readText(args.operands[0] as string, context), readRow)
  const total = rows.length
  const results = await measureAnswers(rows, {
    ratios,
    signal: context.signal,
    ...(background === undefined ? {} : { background }),
    onRow: async (done) => {
      context.onProgress({ stage: 'questions', done, total, unit: 'rows' })
      // Lets Ctrl-C through.
      await scheduler.yield()
    },
  })
  const figures = <T>(of: (result: (typeof results)[number]) => T): Record<string, T> =>
    Object.fromEntries(results.map((result) => [String(result.ratio), of(result)]))
  if (context.json) {
    await context.report({
      n: total,
      kept: figures(({ kept }) => kept),
      interval: figures(({ interval }) => interval),
      background: typeof background === 'object' ? background.id : (background ?? 'general'),
    })
    return 0
  }
  const lines = results.map(({ ratio, kept, interval: [low, high] }) => [
    `${ratio}x`,
    kept.toFixed(3),
    `[${low.toFixed(3)}, ${high.toFixed(3)}]`,
  ])
  await context.stdout.write(textTable([['budget', 'kept', '95 % interval'], ...lines], 'rrl'))
  await context.note(`${total} questions; that an answer is left does not say that a model finds it`)
  return 0
}

function ratiosOf(text: string): number[] {
  return text.split(',').map((part) => {
    const ratio = Number(part.trim().replace(/x$/, ''))
    if (!(ratio >= 1 && ratio < 1e6)) {
      throw new PithError('PITH_ARG', `a ratio must be a number of at least 1, not ${part.trim().slice(0, 40)}`, {
        hint: 'Write --ratio 5,10.',
      })
    }
    return ratio
  })
}

/** A table of one's own texts, `none`, or undefined for the general one. */
async function backgroundOption(value: string, context: CommandContext): Promise<Background | 'none' | undefined> {
  if (value === 'general') return undefined
  if (value === 'none') return value
  const texts = new Set(rowsOf(await readText(value, context), readTexts).flat())
  return backgroundOf(texts)
}

/** Objects of JSON lines. @throws PithError `PITH_ARG` a line is none */
function rowsOf<T>(text: string, read: (row: Record<string, unknown>) => T | undefined): T[] {
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return []
    let row: unknown
    try {
      row = JSON.parse(line)
    } catch {
      row = undefined
    }
    const own = typeof row === 'object' && row !== null ? read(row as Record<string, unknown>) : undefined
    if (own !== undefined) return [own]
    throw new PithError('PITH_ARG', `line ${i + 1} is no row`, {
      hint: 'Write one JSON object a line: {"question": …, "answers": […], "passages": [{"title": …, "text": …}]}.',
    })
  })
}

function passagesOf(passages: unknown): AnswerRow['passages'] | undefined {
  if (!Array.isArray(passages)) return undefined
  const own = passages.map((passage) => {
    const { title, text } = (passage ?? {}) as Record<string, unknown>
    return typeof text !== 'string' ? undefined : typeof title === 'string' ? { title, text } : { text }
  })
  return own.every((passage) => passage !== undefined) ? own : undefined
}

function readRow({ question, answers, passages }: Record<string, unknown>): AnswerRow | undefined {
  const own = passagesOf(passages)
  const all = typeof answers === 'string' ? [answers] : answers
  const isRow = typeof question === 'string' && Array.isArray(all) && all.every((answer) => typeof answer === 'string')
  return isRow && own !== undefined ? { question, answers: all, passages: own } : undefined
}

/** Texts of a row: its passages with their titles, or its `text`. */
function readTexts({ text, passages }: Record<string, unknown>): string[] | undefined {
  if (typeof text === 'string') return [text]
  return passagesOf(passages)?.map(({ title = '', text: own }) => `${title}\n${own}`)
}
