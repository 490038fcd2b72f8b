import { expect, test } from 'vitest'
import { checkDocuments, checkMap, listBlocks } from './documents.ts'

const around = { exists: (_file: string, target: string) => target === 'docs/format.md', scripts: ['bench'] }

function broken(file: string, text: string): string[] {
  return checkDocuments(new Map([[file, text]]), around).map(({ line, rule }) => `${line}: ${rule}`)
}

test('links that lead nowhere are found, those elsewhere and in code are left alone', () => {
  const text = '[a](docs/format.md#x) [b](https://example.org) `[c](gone.md)`\n[d](gone.md)\n```\n[e](gone.md)\n```\n'
  expect(broken('README.md', text)).toEqual(['2: link to gone.md leads nowhere'])
})

test('npm scripts that are not there are found, also in code', () => {
  expect(broken('README.md', '```sh\nnpm run bench -- logzip\nnpm run rocket\n```\n')).toEqual([
    '3: there is no npm script rocket',
  ])
})

test('a decision has at most 60 lines', () => {
  expect(broken('docs/decisions/0009-long.md', 'a\n'.repeat(61))).toEqual(['61: 61 lines, at most 60'])
  expect(broken('docs/decisions/0009-long.md', 'a\n'.repeat(60))).toEqual([])
})

test('blocks come with language, line and text', () => {
  expect(listBlocks('a.md', 'x\n```sh\npith list\n```\n```ts\n1\n2\n```\n')).toEqual([
    { file: 'a.md', line: 2, language: 'sh', text: 'pith list\n' },
    { file: 'a.md', line: 5, language: 'ts', text: '1\n2\n' },
  ])
})

test('a folder that the map does not name is found', () => {
  const files = ['packages/core/src/a.ts', 'packages/core/src/node/b.ts', 'packages/core/src/node/c.ts']
  expect(checkMap('- `packages/core/src/` the floor', files).map((f) => f.rule)).toEqual([
    'the map does not name packages/core/src/node/',
  ])
})
