import { PithError, Sha256, toHex } from '@pith/core'
import { compressBy, type Ranker } from '../safe/compress.ts'
import { o200kCounter } from '../safe/counter.ts'
import { DroppedStore } from '../safe/dropped.ts'
import { rankAny } from '../select/any.ts'
import type { CompressOptions, TokenCounter } from '../types.ts'
import type { SlotRole, TextSlot } from './slots.ts'

/** What of a conversation is compressed, and how far. */
export interface ChatOptions extends Pick<CompressOptions, 'counter' | 'joiner' | 'protect' | 'signal'> {
  /** Share of the tokens of a text that stays, above 0 and at most 1. Default 0.5. */
  rate?: number
  /** Shorter texts stay as they are, in tokens. Default 400. */
  minTokens?: number
  /** Whose texts. Default what tools answered, and what users said before their last message. */
  roles?: readonly SlotRole[]
  /** How pieces of a text are ranked. Default by what the text looks like. */
  rank?: Ranker
  /** What was left out can be had again from here. Default a store of its own. */
  store?: DroppedStore
  /** Characters of results that are remembered, so that a message never changes once it was sent. Default 2^25. */
  memory?: number
}

/** What was saved in one request. */
export interface ChatReport {
  readonly originalTokens: number
  readonly tokens: number
  /** Texts that were made shorter. */
  readonly changed: readonly {
    readonly role: SlotRole
    readonly message: number
    readonly from: number
    readonly to: number
  }[]
}

/** A text that was compressed, or left as it was. */
interface Known {
  readonly text: string
  readonly from: number
  readonly to: number
}

/** Messages that were sent as they were and are remembered, at most. */
const MAX_WHOLE = 100_000

/**
 * Compresses the texts of conversations. A text is compressed when it is first seen, with the user's last message as the question, and
 * is the same ever after, so that what providers cached of a conversation stays valid.
 *
 * System messages, the last message of the user, calls of tools and their schemas are never touched.
 */
export class ChatCompressor {
  readonly store: DroppedStore
  readonly #options: ChatOptions
  readonly #known = new Map<string, Known>()
  /** Texts that are being compressed: who asks for the same one meanwhile gets the same. */
  readonly #coming = new Map<string, Promise<Known>>()
  /** Last messages, by all that was said up to them. The same words elsewhere are another matter. */
  readonly #sentWhole = new Set<string>()
  #characters = 0

  /** @throws PithError `PITH_ARG` a rate outside of 0..1 */
  constructor(options: ChatOptions = {}) {
    const { rate = 0.5 } = options
    if (!(rate > 0 && rate <= 1)) throw new PithError('PITH_ARG', `a rate must be above 0 and at most 1, not ${rate}`)
    this.#options = options
    this.store = options.store ?? new DroppedStore()
  }

  /** Replace the texts of a request by shorter ones. */
  async compress(slots: readonly TextSlot[]): Promise<ChatReport> {
    const { roles = ['tool', 'user'], minTokens = 400 } = this.#options
    const counter = this.#options.counter ?? (await o200kCounter())
    const last = slots.reduce((found, { role, message }) => (role === 'user' ? Math.max(found, message) : found), -1)
    const query = slots
      .flatMap(({ role, message, text }) => (role === 'user' && message === last ? [text] : []))
      .join('\n')
    const changed: ChatReport['changed'][number][] = []
    let [originalTokens, tokens] = [0, 0]
    let said = ''
    for (const { role, message, text, replace } of slots) {
      // A token has at least one character, so short texts need no count.
      const isLong = text.length >= minTokens
      const key = isLong ? keyOf(text) : text
      let isFree = role !== 'system' && isLong && roles.includes(role)
      if (role === 'user' && isFree) {
        const place = keyOf(`${said}\n${key}`)
        if (message === last) this.#rememberWhole(place)
        isFree = !this.#sentWhole.has(place)
      }
      const own = isFree ? await this.#shorter(key, text, query, counter, minTokens) : undefined
      const size = own?.from ?? counter.count(text)
      originalTokens += size
      tokens += own?.to ?? size
      // What a system message says may change from call to call.
      if (role !== 'system') said = keyOf(`${said}\n${role}\n${own?.text ?? text}`)
      if (own === undefined || own.text === text) continue
      replace(own.text)
      changed.push({ role, message, from: own.from, to: own.to })
    }
    return { originalTokens, tokens, changed }
  }

  async #shorter(key: string, text: string, query: string, counter: TokenCounter, minTokens: number): Promise<Known> {
    const known = this.#known.get(key)
    if (known !== undefined) {
      this.#known.delete(key)
      this.#known.set(key, known)
      return known
    }
    const coming = this.#coming.get(key)
    if (coming !== undefined) return await coming
    const own = this.#compressed(text, query, counter, minTokens)
    this.#coming.set(key, own)
    try {
      const { text: shorter, from, to } = await own
      this.#remember(key, { text: shorter, from, to })
      // A caller may send on what it got back.
      if (shorter !== text) this.#remember(keyOf(shorter), { text: shorter, from: to, to })
    } finally {
      this.#coming.delete(key)
    }
    return await own
  }

  async #compressed(text: string, query: string, counter: TokenCounter, minTokens: number): Promise<Known> {
    const { rate = 0.5, rank = rankAny, joiner = 'ellipsis', protect, signal } = this.#options
    const from = counter.count(text)
    if (from < minTokens) return { text, from, to: from }
    const result = await compressBy(rank, text, {
      ...{ budget: { rate }, query, counter, joiner, onOverflow: 'keep-protected' as const },
      ...(protect === undefined ? {} : { protect }),
      ...(signal === undefined ? {} : { signal }),
    })
    this.store.add(text, result)
    return { text: result.text, from, to: result.tokens }
  }

  #remember(key: string, own: Known): void {
    this.#characters -= this.#known.get(key)?.text.length ?? 0
    this.#known.set(key, own)
    this.#characters += own.text.length
    for (const [oldest, { text }] of this.#known) {
      if (this.#characters <= (this.#options.memory ?? 1 << 25)) break
      this.#known.delete(oldest)
      this.#characters -= text.length
    }
  }

  #rememberWhole(said: string): void {
    this.#sentWhole.delete(said)
    this.#sentWhole.add(said)
    const [oldest] = this.#sentWhole
    if (this.#sentWhole.size > MAX_WHOLE && oldest !== undefined) this.#sentWhole.delete(oldest)
  }
}

function keyOf(text: string): string {
  return toHex(new Sha256().update(new TextEncoder().encode(text)).digest())
}
