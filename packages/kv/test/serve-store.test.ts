import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ModelHost, serveLm } from '@pith/lm/node'
import { afterAll, expect, test } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'pith-serve-store-'))
afterAll(() => rmSync(folder, { recursive: true }))
const path = join(import.meta.dirname, '../../../examples/sample/lm')

interface Completion {
  readonly choices: readonly { readonly text: string }[]
  readonly usage: {
    readonly prompt_tokens: number
    readonly prompt_tokens_details: { readonly cached_tokens: number }
  }
}

/** Serve with a store, ask once, and end. */
async function asked(salt: string): Promise<Completion> {
  const prefixes = {
    module: '@pith/kv/store/node',
    open: 'openPrefixStore',
    arguments: [[folder], { salt, chunk: 64 }],
  }
  const host = await ModelHost.open({ path, prefixes })
  const server = await serveLm(host)
  const body = JSON.stringify({ prompt: 'the end of a story '.repeat(9), max_tokens: 12, seed: 3 })
  const headers = { 'content-type': 'application/json' }
  try {
    const response = await fetch(`${server.url}v1/completions`, { method: 'POST', headers, body })
    return (await response.json()) as Completion
  } finally {
    await server.close()
    await host.close()
  }
}

const cachedOf = ({ usage }: Completion): number => usage.prompt_tokens_details.cached_tokens

test('a server reads beginnings of prompts once, and its next start finds them', async () => {
  const first = await asked('a')
  expect(cachedOf(first)).toBe(0)
  // What is written behind the answer is written when the server has ended.
  const second = await asked('a')
  const { prompt_tokens: tokens } = second.usage
  expect(cachedOf(second)).toBe(Math.min(tokens - 1, tokens - (tokens % 64)))
  expect(second.choices).toEqual(first.choices)
  expect(cachedOf(await asked('b'))).toBe(0)
  expect(readdirSync(folder).length).toBeGreaterThan(1)
})
