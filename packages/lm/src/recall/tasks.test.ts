import { Random } from '@pith/core'
import { readLlama2cTokenizer } from '@pith/engine/io'
import { smallLlama2cTokenizer } from '@pith/engine/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NOUNS, RECALL_TASKS, type RecallRow, type RecallTask, recallRow, recallWords, repeatsRow } from './index.ts'

const tokenizer = readLlama2cTokenizer(smallLlama2cTokenizer())
const words = recallWords(tokenizer)
const story = tokenizer.encode('the cat sat on a mat. it was an old cat.\n'.repeat(100), { prefix: false })

function rowOf(task: RecallTask, seed: number, length: number): RecallRow {
  return recallRow(task, new Random(seed), length, words, {
    text: (random, count) => story.subarray(random.integer(100)).subarray(0, count),
  })
}

function textOf(row: RecallRow): string {
  return tokenizer.decode(row.ids.subarray(1))
}

function answersOf({ ids, answers }: RecallRow): string[] {
  return answers.map(({ start, end }) => tokenizer.decode(ids.subarray(start, end)))
}

test('every name is another one', () => {
  expect(new Set(NOUNS).size).toBe(NOUNS.length)
})

describe.each(RECALL_TASKS)('%s', (task) => {
  test('rows are as long as asked for, and the same from the same seed', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.integer({ min: 64, max: 700 }), (seed, length) => {
        const row = rowOf(task, seed, length)
        expect(row.ids.length).toBe(length)
        expect(row.ids[0]).toBe(words.bos)
        expect(row).toEqual(rowOf(task, seed, length))
        expect(row.answers.length).toBeGreaterThan(0)
        expect(Math.min(...row.ids)).toBeGreaterThan(0)
        expect(Math.max(...row.ids)).toBeLessThan(tokenizer.size)
      }),
      { numRuns: 50 },
    )
  })

  test('answers follow the question, have whole weights and do not overlap', () => {
    for (let seed = 0; seed < 50; seed++) {
      const { answers, weights, question, ids } = rowOf(task, seed, 64 + 10 * seed)
      let at = question
      for (const { start, end } of answers) {
        expect(start).toBeGreaterThanOrEqual(at)
        expect(end).toBeLessThanOrEqual(ids.length)
        expect([...weights.subarray(start, end)].every((weight) => weight === 1)).toBe(true)
        at = end
      }
      expect([...weights.subarray(0, question)].every((weight) => weight < 1)).toBe(true)
    }
  })

  test('the text of a row has its tokens', () => {
    if (task === 'copy') return expect(textOf(rowOf(task, 1, 90)).length).toBeGreaterThan(0)
    for (let seed = 0; seed < 20; seed++) {
      const row = rowOf(task, seed, 200)
      expect([...tokenizer.encode(textOf(row), { prefix: false })]).toEqual([...row.ids.subarray(1)])
    }
  })
})

test('copies are the sequence before the first new line', () => {
  for (let seed = 0; seed < 50; seed++) {
    const row = rowOf('copy', seed, 150)
    const source = row.ids.subarray(1, row.question - 1)
    expect(row.ids[row.question - 1]).toBe(words.newline)
    expect(row.answers.map(({ start }) => row.ids[start])).toEqual([...source])
  }
})

test('looked-up values stand in the table, each is asked for once at most', () => {
  for (let seed = 0; seed < 50; seed++) {
    const row = rowOf('lookup', seed, 300)
    const [table = '', questions = ''] = textOf(row).split('\n')
    const values = new Map(table.split(';').map((pair) => pair.split('=') as [string, string]))
    const asked = questions.split(';').slice(0, row.answers.length)
    expect(asked).toEqual(answersOf(row).map((value, i) => `${asked[i]?.split('=')[0]}=${value}`))
    for (const question of asked) {
      const [noun = '', value] = question.slice(1).split('=')
      expect(values.get(noun)).toBe(value)
    }
    expect(new Set(asked).size).toBe(asked.length)
  }
})

test('a table that would fill its row ends where a question fits', () => {
  const row = rowOf('lookup', 13, 73)
  expect(row.answers.length).toBe(1)
  expect(textOf(row)).toMatch(/^(\w+=\d{4};)+\n\?(\w+)=\d{4};\n*$/)
})

test('codes stand once in the story and are asked for at its end', () => {
  for (let seed = 0; seed < 50; seed++) {
    const row = rowOf('needle', seed, 64 + 8 * seed)
    const text = textOf(row)
    const facts = [...text.matchAll(/ the code of the (\w+) is (\d{5})\./g)].map(([fact]) => fact)
    expect(facts.length).toBe(2 * row.answers.length)
    expect(new Set(facts).size).toBe(row.answers.length)
    expect(answersOf(row)).toEqual(facts.slice(row.answers.length).map((fact) => fact.slice(-6, -1)))
  }
})

test('chains lead to a value in two steps at most', () => {
  let longest = 0
  for (let seed = 0; seed < 50; seed++) {
    const row = rowOf('chain', seed, 300)
    const [table = '', questions = ''] = textOf(row).split('\n')
    const values = new Map<string, { value: string; hops: number }>()
    for (const pair of table.split(';').filter((own) => own !== '')) {
      const [name = '', value = ''] = pair.split('=')
      const from = values.get(value)
      expect(from !== undefined || /^\d\d$/.test(value)).toBe(true)
      values.set(name, { value: from?.value ?? value, hops: from === undefined ? 0 : from.hops + 1 })
    }
    longest = Math.max(longest, ...[...values.values()].map(({ hops }) => hops))
    const asked = questions.split(';').slice(0, row.answers.length)
    for (const question of asked) {
      const [name = '', value] = question.slice(1).split('=')
      expect(values.get(name)?.value).toBe(value)
    }
  }
  expect(longest).toBe(2)
})

test('short repeats fill a row', () => {
  const row = repeatsRow(new Random(1), 64, words)
  expect(row.ids.length).toBe(64)
  expect(row.answers.length).toBeGreaterThan(10)
})

test('wrong arguments', () => {
  expect(() => recallRow('copy', new Random(1), 63, words)).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
  expect(() => recallRow('needle', new Random(1), 64, words)).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
})
