/** Outputs of tools at a fifth of their tokens: what is kept is exact, and what went wrong is still told. */
import { compressText } from '../../packages/context/src/text.ts'
import type { AcceptContext } from '../measure/accept.ts'
import type { BenchContext } from '../measure/case.ts'
import { textTable } from '../measure/table.ts'
import { type ToolOutput, toolOutputs } from './tool-outputs.ts'

const RATIO = 5
/** What numbers, paths and identifiers are written with. */
const OF_WORD = /[\p{L}\p{N}\p{M}_./\\:@%+-]/u
const VARIABLE = /0x[0-9a-f]+|\d+/gi

interface Measured {
  readonly name: string
  readonly scorer: string
  readonly tokens: number
  readonly originalTokens: number
  /** Numbers, paths and identifiers of which a part is gone. */
  readonly broken: number
  /** Lines of trouble that differ in more than numbers: those of which one is kept, and all. */
  readonly trouble?: readonly [kept: number, all: number]
  /** The same of the text's first fifth, by characters. */
  readonly inLead?: number
}

async function measure({ name, text, trouble }: ToolOutput): Promise<Measured> {
  const result = await compressText(text, { budget: { rate: 1 / RATIO }, onOverflow: 'keep-protected' })
  const isWithin = (at: number): boolean =>
    at > 0 && at < text.length && OF_WORD.test(text[at - 1] as string) && OF_WORD.test(text[at] as string)
  // Markup and quotes of JSON may end anywhere; a word may not.
  const broken = result.kept.reduce((sum, { start, end }) => sum + Number(isWithin(start)) + Number(isWithin(end)), 0)
  const figures = {
    name,
    scorer: result.report.scorer,
    tokens: result.tokens,
    originalTokens: result.originalTokens,
    broken,
  }
  if (trouble === undefined) return figures
  const shapes = (of: string): Set<string> =>
    new Set(
      of
        .split('\n')
        .filter((line) => trouble.test(line))
        .map((line) => line.replace(VARIABLE, '#')),
    )
  const all = shapes(text)
  const share = (of: string): number => [...shapes(of)].filter((shape) => all.has(shape)).length
  return { ...figures, trouble: [share(result.text), all.size], inLead: share(text.slice(0, text.length / RATIO)) }
}

async function measureAll(): Promise<Measured[]> {
  const all: Measured[] = []
  for (const output of toolOutputs()) all.push(await measure(output))
  return all
}

export async function benchTools(context: BenchContext): Promise<void> {
  const all = await measureAll()
  const rows = all.map(({ name, scorer, tokens, originalTokens, broken, trouble, inLead }) => [
    ...[name, scorer, String(originalTokens), String(tokens), String(broken)],
    trouble === undefined ? '' : `${trouble[0]} of ${trouble[1]}`,
    inLead === undefined ? '' : String(inLead),
  ])
  context.say(
    textTable(
      ['at 5x', 'ranked by', 'tokens', 'left', 'words cut', 'kinds of trouble kept', 'in the first fifth'],
      rows,
    ),
  )
  for (const { name, tokens, originalTokens, broken, trouble, inLead } of all) {
    context.add({
      ...{ system: 'context', kind: 'tools', peer: { name: 'lead' }, repeats: 1, vs: {} },
      data: { name, bytes: originalTokens },
      params: { ratio: RATIO },
      ours: {
        ratio: originalTokens / tokens,
        quality: { broken, ...(trouble === undefined ? {} : { trouble: trouble[0] / trouble[1] }) },
      },
      theirs: { quality: inLead === undefined || trouble === undefined ? {} : { trouble: inLead / trouble[1] } },
    })
  }
}

export async function acceptTools(context: AcceptContext): Promise<void> {
  for (const { name, tokens, originalTokens, broken, trouble } of await measureAll()) {
    context.check(
      `${name}: numbers, paths and identifiers exact`,
      broken === 0,
      `${broken} cut, ${tokens} of ${originalTokens} tokens`,
    )
    if (trouble === undefined) continue
    context.check(
      `${name}: errors and warnings kept at ${RATIO}x`,
      trouble[0] === trouble[1],
      `${trouble[0]} of ${trouble[1]} kinds`,
    )
  }
}
