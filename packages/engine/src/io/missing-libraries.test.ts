import { expect, test, vi } from 'vitest'
import { flacFile, mp3File, opusFile } from '../../test/io/sounds.ts'
import { bytePairs } from '../../test/io/tokenizers.ts'
import { decodeAudio } from './audio-decode.ts'
import { writeGlb } from './mesh-gltf.ts'
import { readHfTokenizer } from './tokenizer.ts'

const missing = vi.hoisted(() => (): never => {
  throw new Error('Cannot find package')
})
vi.mock('@gltf-transform/core', missing)
vi.mock('@huggingface/tokenizers', missing)
vi.mock('@wasm-audio-decoders/flac', missing)
vi.mock('mpg123-decoder', missing)
vi.mock('ogg-opus-decoder', missing)

test.each<[string, () => Promise<unknown>]>([
  ['@gltf-transform/core', () => writeGlb([])],
  ['@huggingface/tokenizers', () => readHfTokenizer(new TextEncoder().encode(JSON.stringify(bytePairs())))],
  ['@wasm-audio-decoders/flac', () => decodeAudio(flacFile(new Int16Array(192)))],
  ['mpg123-decoder', () => decodeAudio(mp3File(2))],
  ['ogg-opus-decoder', () => decodeAudio(opusFile(2))],
])('without %s the error says what to install', async (name, use) => {
  await expect(use()).rejects.toMatchObject({ code: 'PITH_CAPABILITY', hint: `Run: npm install ${name}` })
})
