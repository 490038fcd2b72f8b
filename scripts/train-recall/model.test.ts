import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type PieceTokenizer, readHfTokenizer, readLlama2cTokenizer } from '@pith/engine/io'
import { readWeights } from '@pith/lm'
import { openModel } from '@pith/lm/node'
import { recallWords } from '@pith/lm/recall'
import { beforeAll, expect, test } from 'vitest'
import { type Model, measureModel } from './measure.ts'
import type { Sources } from './mixture.ts'
import { CONFIG } from './settings.ts'

const FOLDER = new URL('../../models/pith-recall', import.meta.url).pathname
const STORY =
  'once upon a time there was a little cat. she lived in a house near the sea with her mom. one day she saw a big boat. ' +
  'the cat wanted to play on it, but it was too far away. "let us make a small one," said her mom. they were very happy.\n'

let model: Model
let tokenizer: PieceTokenizer
let sources: Sources

beforeAll(async () => {
  const { checkpoint } = await openModel(FOLDER)
  model = { config: checkpoint.config, params: await readWeights(checkpoint) }
  await checkpoint.close()
  tokenizer = readLlama2cTokenizer(new Uint8Array(await readFile(join(FOLDER, 'tokenizer.bin'))))
  const stories = tokenizer.encode(STORY.repeat(8), { prefix: false })
  sources = { words: recallWords(tokenizer), texts: { stories, wiki: stories, java: stories } }
})

test('its sizes are those of the settings, and all of it fits into 16 MB', async () => {
  expect(model.config).toEqual(CONFIG)
  expect((await readFile(join(FOLDER, 'pith-recall.safetensors'))).length).toBeLessThan(16e6)
})

test('it copies, looks up and finds', async () => {
  const plan = { kinds: ['copy', 'lookup', 'needle'], lengths: [128], rows: 24 }
  for await (const { kind, value } of measureModel(model, sources, plan)) {
    expect([kind, value > 0.85]).toEqual([kind, true])
  }
})

test('both of its tokenizers give the same ids', async () => {
  const read = async (name: string): Promise<Uint8Array> => new Uint8Array(await readFile(join(FOLDER, name)))
  const other = await readHfTokenizer(await read('tokenizer.json'), await read('tokenizer_config.json'))
  for (const text of [STORY, 'cat=1234;owl=0815;\n?owl=', '  int x = a[i] <unk> \t€']) {
    expect([...other.encode(text, { special: true })]).toEqual([...tokenizer.encode(text, { special: true })])
    expect(other.decode(other.encode(text))).toBe(text)
  }
})
