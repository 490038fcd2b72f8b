/**
 * Templates that stand already, arranged so that the one a line fits is found without trying them all: a tree of static
 * texts and slots, whose branches are found by their first characters.
 */
import { type Group, groupOf, REST } from './groups.ts'
import type { Template } from './templates.ts'
import { matchLayout } from './timestamps.ts'
import type { TokenLine } from './tokens.ts'

interface Edge {
  text: string
  layout: string
  next: Node
}

interface Node {
  /** Branches by the first characters of their text, at most {@link KEY} of them. */
  edges: Map<string, Edge[]>
  /** Template that ends here, by its last static text. */
  ends: Map<string, number>
}

const KEY = 3

export class TemplateIndex {
  readonly #root: Node = { edges: new Map(), ends: new Map() }

  /** @param templates the first is the raw line, which nothing is matched to */
  constructor(templates: readonly Template[]) {
    for (const [id, template] of templates.entries()) if (id > 0) this.#add(template, id)
  }

  #add({ statics, layouts }: Template, id: number): void {
    let node = this.#root
    for (const [k, layout] of layouts.entries()) {
      const text = statics[k] as string
      const key = text.slice(0, KEY)
      let edges = node.edges.get(key)
      if (edges === undefined) node.edges.set(key, (edges = []))
      let edge = edges.find((e) => e.text === text && e.layout === layout)
      if (edge === undefined) {
        edge = { text, layout, next: { edges: new Map(), ends: new Map() } }
        edges.push(edge)
      }
      node = edge.next
    }
    const last = statics.at(-1) as string
    if (!node.ends.has(last)) node.ends.set(last, id)
  }

  /** The template that every line of a signature fits, and its slots in the signature's tokens. */
  find(line: TokenLine): { id: number; groups: Group[] } | undefined {
    const groups: Group[] = []
    const id = this.#walk(this.#root, line, 0, 0, groups)
    return id === undefined ? undefined : { id, groups }
  }

  /** `token` is the first token at or behind `at`. */
  #walk(node: Node, line: TokenLine, at: number, token: number, groups: Group[]): number | undefined {
    const { text } = line
    if (noSlotFrom(line, token)) {
      const end = node.ends.get(text.slice(at))
      if (end !== undefined) return end
    }
    for (let length = Math.min(KEY, text.length - at); length >= 0; length--) {
      const edges = node.edges.get(text.slice(at, at + length))
      if (edges === undefined) continue
      for (const edge of edges) {
        if (!text.startsWith(edge.text, at)) continue
        const found = this.#slot(edge, line, at + edge.text.length, token, groups)
        if (found !== undefined) return found
      }
    }
    return undefined
  }

  #slot(edge: Edge, line: TokenLine, at: number, first: number, groups: Group[]): number | undefined {
    let token = first
    while (token < line.from.length && (line.from[token] as number) < at) {
      // A slot of the signature may not stand in static text: its other lines have another value there.
      if ((line.slots[token] as number) >= 0) return undefined
      token++
    }
    if (token >= line.from.length || line.from[token] !== at) return undefined
    const run = runOf(line, token)
    for (const end of slotEnds(edge.layout, line, at, token, run)) {
      const last = edge.layout === REST ? line.to.length - 1 : tokenEndingAt(line, token, end)
      if (last === undefined) continue
      groups.push(groupOf(line, token, last, edge.layout))
      const found = this.#walk(edge.next, line, edge.layout === REST ? line.text.length : end, last + 1, groups)
      if (found !== undefined) return found
      groups.pop()
    }
    return undefined
  }
}

function noSlotFrom(line: TokenLine, token: number): boolean {
  for (let t = token; t < line.slots.length; t++) if ((line.slots[t] as number) >= 0) return false
  return true
}

function runOf(line: TokenLine, token: number): number {
  let low = 0
  let high = line.runs.length - 1
  while (low + 1 < high) {
    const middle = (low + high) >> 1
    if ((line.runs[middle] as number) <= token) low = middle
    else high = middle
  }
  return low
}

/** Where a slot of a layout that starts at a token may end. */
function slotEnds(layout: string, line: TokenLine, at: number, token: number, run: number): number[] {
  if (layout === REST) return [line.text.length]
  if (layout !== '') {
    const match = matchLayout(line.text, at)
    return match?.layout === layout ? [at + match.length] : []
  }
  const ownEnd = line.to[token] as number
  const runEnd = line.to[(line.runs[run + 1] as number) - 1] as number
  const ends = runEnd === ownEnd ? [ownEnd] : [runEnd, ownEnd]
  // An address is four tokens.
  const fourth = line.to[token + 3]
  if (fourth !== undefined && /^\d{1,3}(?:\.\d{1,3}){3}$/.test(line.text.slice(at, fourth))) ends.unshift(fourth)
  return ends
}

function tokenEndingAt(line: TokenLine, token: number, end: number): number | undefined {
  for (let t = token; t < line.to.length; t++) {
    if (line.to[t] === end) return t
    if ((line.to[t] as number) > end) return undefined
  }
  return undefined
}
