import { PithError, Sha256 } from '@pith/core'
import type { Compressed, DroppedPart, Span } from '../types.ts'

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

/** Names parts of one text, each by a name of its own: of 30 bits, two of some ten thousand parts are often the same. */
export function partNames(text: string): (span: Span) => string {
  const bytes = new TextEncoder()
  const whole = new Sha256().update(bytes.encode(text)).digest()
  const names = new Map<string, string>()
  const used = new Set<string>()
  return ({ start, end }) => {
    const place = `${start}-${end}`
    let id = names.get(place) ?? ''
    for (let again = ''; id === '' || (used.has(id) && names.get(place) !== id); again += '+') {
      const hash = new Sha256()
        .update(whole)
        .update(bytes.encode(place + again))
        .digest()
      id = Array.from(hash.subarray(0, 6), (byte) => BASE32[byte & 31]).join('')
    }
    names.set(place, id)
    used.add(id)
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
  readonly #texts = new Map<string, readonly DroppedPart[]>()
  /** Null where parts of two texts have the same id: better none than the wrong one. */
  readonly #textOf = new Map<string, string | null>()
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
    this.#texts.set(text, dropped)
    this.#bytes += 2 * text.length
    for (const { id } of dropped) this.#textOf.set(id, this.#textOf.has(id) ? null : text)
    for (const oldest of this.#texts.keys()) {
      if (this.#bytes <= this.#maxBytes) break
      this.#forget(oldest)
    }
  }

  /** Tokens of a part; undefined where it is not known. */
  sizeOf(id: string): number | undefined {
    return this.#find(id)?.part.tokens
  }

  /** Parts by their ids, in the order asked for; ids that are not known are left out, and parts that are too large for what is left. */
  retrieve(ids: readonly string[], { maxTokens = 2000 }: { maxTokens?: number } = {}): Retrieved[] {
    const found: Retrieved[] = []
    let room = maxTokens
    for (const id of new Set(ids)) {
      const own = this.#find(id)
      if (own === undefined || own.part.tokens > room) continue
      const { text, parts, part } = own
      // Used last, dropped last.
      this.#texts.delete(text)
      this.#texts.set(text, parts)
      room -= part.tokens
      found.push({ id, text: text.slice(part.span.start, part.span.end), tokens: part.tokens })
    }
    return found
  }

  #find(id: string): { text: string; parts: readonly DroppedPart[]; part: DroppedPart } | undefined {
    const text = this.#textOf.get(id) ?? undefined
    const parts = text === undefined ? undefined : this.#texts.get(text)
    const part = parts?.find((candidate) => candidate.id === id)
    return text === undefined || parts === undefined || part === undefined ? undefined : { text, parts, part }
  }

  #forget(text: string): void {
    const own = this.#texts.get(text)
    if (own === undefined) return
    this.#texts.delete(text)
    this.#bytes -= 2 * text.length
    for (const { id } of own) if (this.#textOf.get(id) === text) this.#textOf.delete(id)
  }
}
