import { expect, test } from 'vitest'
import type { Codec } from './codec.ts'
import { createRegistry, looksLikeText, matchesHead, type Registration } from './registry.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

function codec(id: string, probe: Codec['probe']): Codec {
  const unused = (): never => {
    throw new Error('not called')
  }
  return { id, version: 1, probe, encode: unused, decode: unused }
}

function setUp() {
  const loads: string[] = []
  const add = (id: string, probe: Codec['probe'], match?: Registration['match']): Registration<'codec'> => ({
    kind: 'codec',
    id,
    load: async () => {
      loads.push(id)
      return codec(id, probe)
    },
    ...(match === undefined ? {} : { match }),
  })
  const registry = createRegistry([
    add('general', () => 0.01),
    add('logs', (head) => (head[0] === 0x5b ? 0.9 : 0), { text: true, endings: ['.log'] }),
    add('wave', () => 1, { magic: [{ bytes: [0x57, 0x41, 0x56, 0x45], offset: 8 }] }),
  ])
  return { registry, loads }
}

test('only codecs whose matcher lets the input through are loaded and asked', async () => {
  const { registry, loads } = setUp()
  const matches = await registry.probe(new Uint8Array([1, 0, 2]), 'x.bin')
  expect(matches.map((match) => match.codec.id)).toEqual(['general'])
  expect(loads).toEqual(['general'])
})

test('the most confident codec comes first, those that refuse are left out', async () => {
  const { registry } = setUp()
  const ids = async (head: Uint8Array, name?: string) => (await registry.probe(head, name)).map((m) => m.codec.id)
  expect(await ids(text('[12:00] start'))).toEqual(['logs', 'general'])
  expect(await ids(text('plain'))).toEqual(['general'])
  expect(await ids(text('RIFF....WAVEfmt '))).toEqual(['wave', 'general'])
  expect(await ids(text('RIFF....WAV'))).toEqual(['general'])
})

test('a thing is loaded once, a failed load may be tried again', async () => {
  const { registry, loads } = setUp()
  const [first, second] = await Promise.all([registry.load('codec', 'logs'), registry.load('codec', 'logs')])
  expect(first).toBe(second)
  expect(loads).toEqual(['logs'])
  let tries = 0
  registry.register({
    kind: 'profile',
    id: 'late',
    load: async () => {
      if (++tries === 1) throw new Error('not yet')
      return 'here'
    },
  })
  await expect(registry.load('profile', 'late')).rejects.toThrow('not yet')
  expect(await registry.load('profile', 'late')).toBe('here')
})

test('kinds are apart and names of a kind are sorted', () => {
  const { registry } = setUp()
  expect(registry.ids('codec')).toEqual(['general', 'logs', 'wave'])
  expect(registry.ids('kv')).toEqual([])
  expect(registry.has('codec', 'logs')).toBe(true)
  expect(registry.has('index', 'logs')).toBe(false)
  expect(() => registry.register({ kind: 'codec', id: 'logs', load: () => Promise.reject() })).toThrow(
    expect.objectContaining({ code: 'PITH_ARG' }),
  )
})

test.each([
  ['seismic', '@pith/index'],
  ['walloc', '@pith/signal'],
  ['logz', 'general, logs, wave'],
  ['toString', 'general, logs, wave'],
])('the unknown codec %s has a hint with %s', async (id, hint) => {
  await expect(setUp().registry.load('codec', id)).rejects.toMatchObject({
    code: 'PITH_UNKNOWN_CODEC',
    hint: expect.stringContaining(hint),
  })
})

test('matchers look at magic, ending and text', () => {
  expect(matchesHead(undefined, text(''))).toBe(true)
  expect(matchesHead({ endings: ['.log'] }, text('\0'), 'A.LOG')).toBe(true)
  expect(matchesHead({ endings: ['.log'] }, text('\0'))).toBe(false)
  expect(looksLikeText(text('\u001b[31mrot\u001b[0m\r\n\tgrün'))).toBe(true)
  expect(looksLikeText(new Uint8Array([65, 0, 66]))).toBe(false)
  expect(looksLikeText(new Uint8Array(100).fill(1))).toBe(false)
})
