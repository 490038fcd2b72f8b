import { PithError, Sha256 } from '@pith/core'
import type { Compressed, DroppedPart, Span } from '../types.ts'

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

/** Names parts of one text. */
export function partNames(text: string): (span: Span) => string {
  const bytes = new TextEncoder()
  const whole = new Sha256().update(bytes.encode(text)).digest()
  return ({ start, end }) => {
    const hash = new Sha256()
      .update(whole)
      .update(bytes.encode(`${start}-${end}`))
      .digest()
    let id = ''
    for (let i = 0; i < 6; i++) id += BASE32[(hash[i] as number) & 31]
    return id
  }
}

/** What is given back of a text that was left out. */
export interface Retrieved {
  readonly id: string
  readonly text: string
  readonly tokens: number
}

/** How much is kept in memory, and given back at once. */
export interface DroppedStoreOptions {
  /** Default 64 MiB, two for each UTF-16 code unit. */
  maxBytes?: number
}

/** Parts that were left out, until there are too many: the least recently used text goes first. Nothing is written anywhere. */
export class DroppedStore {
  readonly #maxBytes: number
  readonly #texts = new Map<string, { text: string; parts: readonly DroppedPart[] }>()
  readonly #textOf = new Map<string, string>()
  #bytes = 0

  /** @throws PithError `PITH_ARG` maxBytes is no positive number */
  constructor({ maxBytes = 1 << 26 }: DroppedStoreOptions = {}) {
    if (!(maxBytes > 0)) throw new PithError('PITH_ARG', `maxBytes must be above 0, not ${maxBytes}`)
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Remember what was left out of a text. */
  add(text: string, { dropped }: Pick<Compressed, 'dropped'>): void {
    const first = dropped[0]
    if (first === undefined || 2 * text.length > this.#maxBytes) return
    this.#forget(text)
    this.#texts.set(text, { text, parts: dropped })
    this.#bytes += 2 * text.length
    for (const { id } of dropped) this.#textOf.set(id, text)
    for (const oldest of this.#texts.keys()) {
      if (this.#bytes <= this.#maxBytes) break
      this.#forget(oldest)
    }
  }

  /** Parts by their ids, in the order asked for; ids that are not known are left out. */
  retrieve(ids: readonly string[], { maxTokens = 2000 }: { maxTokens?: number } = {}): Retrieved[] {
    const found: Retrieved[] = []
    let room = maxTokens
    for (const id of new Set(ids)) {
      const text = this.#textOf.get(id)
      const own = text === undefined ? undefined : this.#texts.get(text)
      const part = own?.parts.find((candidate) => candidate.id === id)
      if (text === undefined || own === undefined || part === undefined || part.tokens > room) continue
      // Used last, dropped last.
      this.#texts.delete(text)
      this.#texts.set(text, own)
      room -= part.tokens
      found.push({ id, text: text.slice(part.span.start, part.span.end), tokens: part.tokens })
    }
    return found
  }

  #forget(text: string): void {
    const own = this.#texts.get(text)
    if (own === undefined) return
    this.#texts.delete(text)
    this.#bytes -= 2 * text.length
    for (const { id } of own.parts) if (this.#textOf.get(id) === text) this.#textOf.delete(id)
  }
}
