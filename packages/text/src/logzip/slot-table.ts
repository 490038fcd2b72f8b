/** The slots of many chunks as one list. */
import { type SlotInfo, type SlotKind, templateKey } from './slots.ts'

interface Entry {
  kind: SlotKind
  count: number
  slot: number
  /** Lines by spelling of the template. */
  spellings: Map<string, number>
}

/** Sums up the slots of chunks: a template may be spelled with `<num>` in one chunk and with `<str>` in another. */
export class SlotTable {
  readonly #entries: Map<string, Entry> = new Map()

  add(slots: readonly SlotInfo[]): void {
    for (const { template, slot, kind, count } of slots) {
      const key = `${slot} ${templateKey(template)}`
      const known = this.#entries.get(key)
      if (known === undefined) {
        this.#entries.set(key, { kind, count, slot, spellings: new Map([[template, count]]) })
        continue
      }
      known.count += count
      if (known.kind !== kind) known.kind = 'text'
      known.spellings.set(template, (known.spellings.get(template) ?? 0) + count)
    }
  }

  /** All slots: the template with most lines first, each template with its slots from the left. */
  list(): SlotInfo[] {
    return [...this.#entries.values()]
      .map(({ kind, count, slot, spellings }) => ({ template: mostFrequent(spellings), slot, kind, count }))
      .sort((a, b) => b.count - a.count || compare(a.template, b.template) || a.slot - b.slot)
  }
}

function mostFrequent(spellings: ReadonlyMap<string, number>): string {
  let best = ''
  let most = 0
  for (const [template, count] of spellings) {
    if (count > most) {
      best = template
      most = count
    }
  }
  return best
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
