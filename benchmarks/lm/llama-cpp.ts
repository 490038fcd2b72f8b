/** node-llama-cpp as the peer of the runtime: GGUF files that pith writes, run by a child. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Params } from '@pith/engine'
import type { GgufValue, Tokenizer } from '@pith/engine/io'
import { type GgufWriteOptions, type LmConfig, writeGgufModel } from '@pith/lm'
import { Peer } from '../engine/peers.ts'

export const LLAMA_CPP = '3.22.1'

/** Ids in front of those of bytes, and of pieces of text. */
const BYTES_FROM = 3
const PIECES_FROM = 259

/** Kinds of tokens in GGUF files. */
const [NORMAL, UNKNOWN, CONTROL, BYTE] = [1, 2, 3, 6]

/**
 * The folder of node-llama-cpp with its library for this machine: installed into the cache when it is first asked for.
 *
 * @returns undefined where it can't be had, such as without a network
 */
export function llamaCppFolder(cache: string): string | undefined {
  const root = join(cache, 'peers', `node-llama-cpp-${LLAMA_CPP}`)
  const folder = join(root, 'node_modules/node-llama-cpp')
  const binary = `@node-llama-cpp/${process.platform === 'darwin' ? 'mac' : 'linux'}-${process.arch}`
  const isThere = (): boolean =>
    existsSync(join(folder, 'package.json')) && existsSync(join(root, 'node_modules', binary, 'package.json'))
  if (isThere()) return folder
  mkdirSync(root, { recursive: true })
  writeFileSync(join(root, 'package.json'), '{ "private": true }\n')
  // All of its optional packages are 670 MB of libraries for other machines.
  for (const name of ['node-llama-cpp', binary]) {
    const words = ['install', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${LLAMA_CPP}`]
    try {
      execFileSync('npm', words, { cwd: root, stdio: 'ignore', timeout: 180_000 })
    } catch {
      return undefined
    }
  }
  return isThere() ? folder : undefined
}

/** A vocabulary as llama.cpp wants one: that of a tokenizer of llama2.c, or invented pieces. */
export function ggufVocabulary(size: number, tokenizer?: Tokenizer): ReadonlyMap<string, GgufValue> {
  const ids = Array.from({ length: size }, (_, id) => id)
  const tokens = ids.map((id) => {
    if (id < BYTES_FROM) return ['<unk>', '<s>', '</s>'][id] as string
    if (id < PIECES_FROM) return `<0x${(id - BYTES_FROM).toString(16).toUpperCase().padStart(2, '0')}>`
    return tokenizer === undefined ? `t${id}` : tokenizer.decode([id]).replaceAll(' ', '\u2581')
  })
  const kinds = ids.map((id) => (id === 0 ? UNKNOWN : id < BYTES_FROM ? CONTROL : id < PIECES_FROM ? BYTE : NORMAL))
  return new Map<string, GgufValue>([
    ['tokenizer.ggml.model', { type: 'string', value: 'llama' }],
    ['tokenizer.ggml.tokens', { type: 'array', of: 'string', value: tokens }],
    ['tokenizer.ggml.scores', { type: 'array', of: 'f32', value: Float32Array.from(ids, (id) => -id) }],
    ['tokenizer.ggml.token_type', { type: 'array', of: 'i32', value: Int32Array.from(kinds) }],
    ['tokenizer.ggml.bos_token_id', { type: 'u32', value: 1 }],
    ['tokenizer.ggml.eos_token_id', { type: 'u32', value: 2 }],
  ])
}

interface Answer {
  readonly logits?: string
  readonly ids?: number[]
  readonly ms?: number[]
}

/** A model within node-llama-cpp, one thread. */
export class LlamaCpp {
  readonly #peer: Peer<{ version: string }, Answer>

  private constructor(peer: Peer<{ version: string }, Answer>) {
    this.#peer = peer
  }

  /** Write a GGUF file into a folder and start the child on it, as it is or with keys and values in f32. */
  static async start(
    library: string,
    folder: string,
    model: { readonly config: LmConfig; readonly params: Params; readonly tokenizer?: Tokenizer },
    type: NonNullable<GgufWriteOptions['type']>,
    mode: 'exact' | 'fast',
  ): Promise<LlamaCpp> {
    const { config, params } = model
    const path = join(folder, `${type}.gguf`)
    const tokenizer = ggufVocabulary(config.vocab, model.tokenizer)
    writeFileSync(path, await writeGgufModel(config, params, { type, tokenizer, name: 'peer' }))
    const child = join(import.meta.dirname, 'llama-cpp.mjs')
    return new LlamaCpp(await Peer.start([process.execPath, child, library, path, String(config.ctx), mode]))
  }

  /** f32[ids, vocab]. */
  async logits(ids: readonly number[]): Promise<Float32Array> {
    const { logits = '' } = await this.#peer.ask(JSON.stringify({ logits: ids }))
    return new Float32Array(Uint8Array.from(Buffer.from(logits, 'base64')).buffer)
  }

  /** The best tokens, one by one. */
  async greedy(ids: readonly number[], count: number): Promise<number[]> {
    return (await this.#peer.ask(JSON.stringify({ greedy: ids, count }))).ids ?? []
  }

  /** CPU milliseconds of each of `count` tokens behind `ids`. */
  async decode(ids: readonly number[], count: number): Promise<number[]> {
    return (await this.#peer.ask(JSON.stringify({ decode: ids, count }))).ms ?? []
  }

  stop(): Promise<void> {
    return this.#peer.stop()
  }
}
