/** What verbs of prompts share: texts, budgets, and what is done with a result. */
import { readFile } from 'node:fs/promises'
import { cpuUsage } from 'node:process'
import { type Arguments, type Budget, type CommandContext, PithError, parseBudget, Sha256, toHex } from '@pith/core'
import { writeAtomic } from '@pith/core/node'
import type { TokenClassifier } from '../llmlingua2/index.ts'
import { compressBy } from '../safe/compress.ts'
import { PROTECT_KINDS } from '../safe/protect.ts'
import type { TextKind } from '../select/kinds.ts'
import { compressText } from '../text.ts'
import type { Compressed, CompressOptions, Joiner, ProtectKind, TokenBudget } from '../types.ts'

const MAX_TEXT = 2 ** 28

/** The text of a file or of standard input. @throws PithError `PITH_IO`, `PITH_LIMIT`, `PITH_ARG` it is no UTF-8 */
export async function readText(path: string, context: CommandContext): Promise<string> {
  const parts: Uint8Array[] = []
  let size = 0
  const take = (bytes: Uint8Array): void => {
    size += bytes.length
    if (size > MAX_TEXT) throw new PithError('PITH_LIMIT', `${path} is longer than 256 MiB`)
    parts.push(bytes)
  }
  if (path === '-') for await (const bytes of context.stdin()) take(bytes)
  else {
    try {
      take(new Uint8Array(await readFile(path, { signal: context.signal })))
    } catch (cause) {
      if (context.signal.aborted) throw context.signal.reason
      if (cause instanceof PithError) throw cause
      throw new PithError('PITH_IO', `${path} cannot be read`, { cause, hint: 'Check the path.' })
    }
  }
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    return parts.map((bytes) => decoder.decode(bytes, { stream: true })).join('') + decoder.decode()
  } catch (cause) {
    throw new PithError('PITH_ARG', `${path} is no text in UTF-8`, {
      cause,
      hint: 'Convert it first, such as with iconv.',
    })
  }
}

/** The budget that was given. @throws PithError `PITH_ARG` none, or one that is not of tokens · `PITH_BUDGET` */
export function budgetOf(args: Arguments): TokenBudget {
  const text = args.value('budget')
  if (text === undefined) {
    throw new PithError('PITH_ARG', 'option --budget is missing', {
      hint: 'Write --budget 2000tok, --budget 50% or --budget 4x.',
    })
  }
  const budget: Budget = parseBudget(text)
  if (budget.kind === 'tokens') return { tokens: budget.tokens }
  if (budget.kind === 'rate') return { rate: budget.rate }
  if (budget.kind === 'ratio') return { rate: 1 / budget.ratio }
  throw new PithError('PITH_ARG', `a prompt has no budget of ${text}`, {
    hint: "Write one such as '2000tok', '50%' or '4x'.",
  })
}

/** The options of a text. @throws PithError `PITH_ARG`, `PITH_BUDGET` */
export function textOptions(args: Arguments, context: CommandContext): CompressOptions & { kind: TextKind } {
  const query = args.value('question')
  const kinds = args
    .value('protect')
    ?.split(',')
    .map((kind) => kind.trim())
  const unknown = kinds?.find((kind) => kind !== '' && !(PROTECT_KINDS as readonly string[]).includes(kind))
  if (unknown !== undefined) {
    throw new PithError('PITH_ARG', `nothing is called ${unknown} that could be protected`, {
      hint: `Choose of ${PROTECT_KINDS.join(', ')}.`,
    })
  }
  return {
    ...{ budget: budgetOf(args), signal: context.signal, kind: (args.value('as') ?? 'auto') as TextKind },
    joiner: (args.value('joiner') ?? 'none') as Joiner,
    onOverflow: args.has('keep-protected') ? 'keep-protected' : 'throw',
    protect: {
      patterns: args.values('keep').map(patternOf),
      ...(kinds === undefined ? {} : { kinds: kinds.filter((kind) => kind !== '') as ProtectKind[] }),
    },
    ...(query === undefined ? {} : { query }),
  }
}

function patternOf(text: string): RegExp {
  try {
    return new RegExp(text, 'gu')
  } catch (cause) {
    throw new PithError('PITH_ARG', `${text.slice(0, 80)} is no regular expression`, { cause })
  }
}

/** Read the text of the operand and compress it. */
export async function compressedOf(
  args: Arguments,
  context: CommandContext,
): Promise<{ path: string; text: string; result: Compressed; cpuSeconds: number }> {
  const path = args.operands[0] as string
  const options = textOptions(args, context)
  const text = await readText(path, context)
  const model = args.value('model')
  const classifier = model === undefined ? undefined : await loadClassifierOf(model)
  const start = cpuUsage()
  const result =
    classifier === undefined
      ? await compressText(text, options)
      : await compressBy(
          (own, { signal }) => classifier.rank(own, signal === undefined ? {} : { signal }),
          text,
          options,
        )
  const { user, system } = cpuUsage(start)
  for (const warning of result.report.warnings) await context.note(warning)
  return { path, text, result, cpuSeconds: (user + system) / 1e6 }
}

/** The engine is loaded for this alone. */
async function loadClassifierOf(folder: string): Promise<TokenClassifier> {
  const { loadClassifier } = await import('../llmlingua2/node/index.ts')
  return await loadClassifier(folder)
}

/** What a map file says; the text itself is not in it. */
export interface PromptMap {
  readonly version: 1
  /** SHA-256 in hex of the original in UTF-8. */
  readonly sha256: string
  readonly originalTokens: number
  readonly tokens: number
  readonly kept: readonly (readonly [start: number, end: number])[]
  readonly dropped: readonly {
    readonly id: string
    readonly start: number
    readonly end: number
    readonly tokens: number
  }[]
}

/** SHA-256 in hex of a text in UTF-8. */
export function hashOf(text: string): string {
  return toHex(new Sha256().update(new TextEncoder().encode(text)).digest())
}

/** Write the map where one is wanted. */
export async function writeMap(args: Arguments, text: string, result: Compressed): Promise<void> {
  const path = args.value('map')
  if (path === undefined) return
  const { originalTokens, tokens, kept, dropped } = result
  const map: PromptMap = {
    ...{ version: 1, sha256: hashOf(text), originalTokens, tokens },
    kept: kept.map(({ start, end }) => [start, end]),
    dropped: dropped.map(({ id, span, tokens: own }) => ({ id, ...span, tokens: own })),
  }
  await writeAtomic(path, new TextEncoder().encode(`${JSON.stringify(map)}\n`), { force: args.has('force') })
}

/** Write a text to the file that was named, or to standard output. */
export async function writeText(args: Arguments, context: CommandContext, text: string): Promise<void> {
  const out = args.value('output')
  if (out === undefined) await context.stdout.write(text)
  else await writeAtomic(out, new TextEncoder().encode(text), { force: args.has('force') })
}

/** Figures of a result for a report. */
export function figuresOf({ originalTokens, tokens, kept, dropped, report }: Compressed): object {
  const ratio = tokens === 0 ? null : originalTokens / tokens
  return { originalTokens, tokens, ratio, slices: kept.length, dropped: dropped.length, ...report }
}

/** One line of what was done. */
export function saysOf({ originalTokens, tokens, report }: Compressed): string {
  const share = originalTokens === 0 ? 100 : (100 * tokens) / originalTokens
  const over = report.overBudget ? '; above the budget, since what is protected is' : ''
  return `${originalTokens} tokens -> ${tokens} (${share.toFixed(1)} %), ranked by ${report.scorer}${over}`
}
