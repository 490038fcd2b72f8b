import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { isPithError, PithError } from './errors.ts'

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')

test('docs/errors.md explains each code, in the order of the type, and no other', () => {
  const type = /export type PithCode =\n((?: {2}\| '\w+'\n)+)/.exec(read('./errors.ts'))?.[1] ?? ''
  const codes = [...type.matchAll(/'(\w+)'/g)].map((match) => match[1])
  const sections = read('../../../docs/errors.md').split(/^## /m).slice(1)
  expect(codes.length).toBeGreaterThan(10)
  expect(sections.map((section) => section.split('\n')[0])).toEqual(codes)
  for (const section of sections) expect(section.split('\n').slice(1).join(' ').trim().length).toBeGreaterThan(60)
})

test('an error carries what it was given and nothing else', () => {
  const cause = new Error('inner')
  const full = new PithError('PITH_CORRUPT', 'what', { hint: 'do', at: { section: 'dict', offset: 4 }, cause })
  expect(full).toMatchObject({
    name: 'PithError',
    message: 'what',
    hint: 'do',
    at: { section: 'dict', offset: 4 },
    cause,
  })
  expect(Object.keys(new PithError('PITH_ARG', 'what')).sort()).toEqual(['code', 'name'])
  expect('cause' in new PithError('PITH_ARG', 'what')).toBe(false)
})

test('an error of another loaded copy is recognised by its tag', () => {
  const foreign = Object.assign(new Error('what'), { name: 'PithError', code: 'PITH_IO' })
  expect(isPithError(foreign)).toBe(true)
  expect(isPithError(foreign, 'PITH_IO')).toBe(true)
  expect(isPithError(foreign, 'PITH_ARG')).toBe(false)
  for (const other of [new Error('what'), { name: 'PithError', code: 'PITH_IO' }, undefined, 'PithError']) {
    expect(isPithError(other)).toBe(false)
  }
})
