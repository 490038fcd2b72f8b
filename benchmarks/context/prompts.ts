/** Prompts that must stay exact: sums of few-shot examples, and keys and values of JSON. */
import { compressText } from '../../packages/context/src/text.ts'
import type { AcceptContext } from '../measure/accept.ts'
import type { BenchContext } from '../measure/case.ts'
import { textTable } from '../measure/table.ts'
import { rowsOf } from './data.ts'

const SHOTS = 8
const NUMBER = /\d+(?:[.,]\d+)*/g
/** Signs and the letter x between operands. */
const OPERATOR = /(?<=[\d)%>] ?)[-+*/=×÷x](?= ?[\d($<.-])/g

interface Counted {
  readonly prompts: number
  readonly tokens: number
  readonly originalTokens: number
  readonly numbers: readonly [kept: number, all: number]
  readonly operators: readonly [kept: number, all: number]
  /** Prompts above half of their tokens. */
  readonly above: number
}

/** Few-shot prompts of eight examples at half of their tokens, by words. */
async function cutExamples(): Promise<Counted> {
  const rows = rowsOf<{ question: string; answer: string }>('gsm8k_fewshot64.jsonl')
  let [prompts, tokens, originalTokens, above] = [0, 0, 0, 0]
  const numbers: [number, number] = [0, 0]
  const operators: [number, number] = [0, 0]
  // Every beginning gives a prompt; the last ones go round.
  for (let first = 0; first < rows.length; first += 2) {
    const shots = Array.from({ length: SHOTS }, (_, i) => rows[(first + i) % rows.length] as (typeof rows)[number])
    const text = shots.map(({ question, answer }) => `Question: ${question}\nAnswer: ${answer}\n\n`).join('')
    const result = await compressText(text, { kind: 'words', budget: { rate: 0.5 } })
    prompts++
    tokens += result.tokens
    originalTokens += result.originalTokens
    if (result.tokens > result.originalTokens / 2) above++
    for (const [pattern, counts] of [
      [NUMBER, numbers],
      [OPERATOR, operators],
    ] as const) {
      const all = [...text.matchAll(pattern)]
      counts[1] += all.length
      // Kept is what stands in a slice, whole.
      counts[0] += all.filter(({ index, 0: own }) =>
        result.kept.some(({ start, end }) => start <= index && index + own.length <= end),
      ).length
    }
  }
  return { prompts, tokens, originalTokens, numbers, operators, above }
}

/** JSON objects of 75 pairs of UUIDs, compact and indented, at half of their tokens: how many come back byte for byte. */
async function cutPairs(): Promise<{ readonly objects: number; readonly same: number }> {
  const rows = rowsOf<{ ordered_kv_records: [string, string][] }>('kv75.jsonl')
  let [objects, same] = [0, 0]
  for (const { ordered_kv_records: pairs } of rows) {
    for (const indent of [undefined, 1]) {
      const text = JSON.stringify(Object.fromEntries(pairs), null, indent)
      const result = await compressText(text, { budget: { rate: 0.5 }, onOverflow: 'keep-protected' })
      objects++
      if (
        pairs.every(([key, value]) =>
          result.text.includes(`"${key}": "${value}"`.replace(': ', indent === undefined ? ':' : ': ')),
        )
      ) {
        if (JSON.stringify(JSON.parse(result.text)) === JSON.stringify(Object.fromEntries(pairs))) same++
      }
    }
  }
  return { objects, same }
}

export async function benchPrompts(context: BenchContext): Promise<void> {
  const { prompts, tokens, originalTokens, numbers, operators } = await cutExamples()
  const { objects, same } = await cutPairs()
  context.say(
    textTable(
      ['', 'of', 'kept'],
      [
        ['numbers of few-shot sums', String(numbers[1]), String(numbers[0])],
        ['operators of few-shot sums', String(operators[1]), String(operators[0])],
        ['tokens of them', String(originalTokens), String(tokens)],
        ['JSON objects of 75 pairs, the same', String(objects), String(same)],
      ],
    ),
  )
  context.add({
    ...{ system: 'context', kind: 'prompts', peer: { name: 'none' }, repeats: 1, theirs: {}, vs: {} },
    data: { name: 'gsm8k_fewshot64', bytes: originalTokens },
    params: { prompts, shots: SHOTS, rate: 0.5 },
    ours: { quality: { numbers: numbers[0] / numbers[1], operators: operators[0] / operators[1] } },
  })
}

export async function acceptGsm8k(context: AcceptContext): Promise<void> {
  const { prompts, above, numbers, operators } = await cutExamples()
  context.check('few-shot prompts within half of their tokens', above === 0, `${above} of ${prompts} above`)
  context.check('numbers of few-shot prompts kept', numbers[0] === numbers[1], `${numbers[0]} of ${numbers[1]}`)
  context.check(
    'operators of few-shot prompts kept',
    operators[0] === operators[1],
    `${operators[0]} of ${operators[1]}`,
  )
}

export async function acceptKv75(context: AcceptContext): Promise<void> {
  const { objects, same } = await cutPairs()
  context.check('JSON of 75 pairs comes back with each pair', same === objects, `${same} of ${objects}`)
}
