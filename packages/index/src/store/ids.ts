import { ByteReader, ByteWriter, compareText, type Run } from '@pith/core'
import type { SectionReader, SectionWriter } from '../sections.ts'
import { damaged } from './document.ts'

/** Ids that stand in one group: the first whole, each other as what differs from the one before. */
const GROUP = 16

const encoder = /* @__PURE__ */ new TextEncoder()
const decoder = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Ids of the rows of a segment, which stand in the order of their ids. */
export interface Ids {
  readonly rows: number
  /** Ids of rows, in the order in which they are asked for. */
  at(rows: ArrayLike<number>, run?: Run): Promise<string[]>
  /** Row of an id, -1 where there is none. */
  find(id: string, run?: Run): Promise<number>
  /** Rows of those of the given ids, which ascend, that are there. */
  findAll(ids: readonly string[], run?: Run): Promise<number[]>
  /** All ids in order. */
  all(run?: Run): Promise<string[]>
}

/** Write `PREFIX/ids` and where each group starts in it. @param ids ascending, without doubles */
export async function writeIds(ids: readonly string[], sections: SectionWriter, prefix: string): Promise<void> {
  const out = new ByteWriter(16 * ids.length)
  const index = new Uint8Array(4 * (Math.ceil(ids.length / GROUP) + 1))
  const view = new DataView(index.buffer)
  let before: Uint8Array = new Uint8Array(0)
  for (const [row, id] of ids.entries()) {
    if (row % GROUP === 0) {
      view.setUint32((row / GROUP) * 4, out.length, true)
      before = new Uint8Array(0)
    }
    const bytes = encoder.encode(id)
    let shared = 0
    while (shared < before.length && shared < bytes.length && before[shared] === bytes[shared]) shared++
    out.varint(shared)
    out.varint(bytes.length - shared)
    out.bytes(bytes.subarray(shared))
    before = bytes
  }
  view.setUint32(index.length - 4, out.length, true)
  await sections.write(`${prefix}/ids`, out.view())
  await sections.write(`${prefix}/groups`, index)
}

/** Open what {@link writeIds} wrote. @throws PithError `PITH_CORRUPT` */
export function openIds(sections: SectionReader, prefix: string, rows: number): Ids {
  const [idsName, groupsName] = [`${prefix}/ids`, `${prefix}/groups`]
  const groups = Math.ceil(rows / GROUP)
  if (sections.size(groupsName) !== 4 * (groups + 1)) throw damaged(`${rows} ids do not fit their groups`)
  const total = sections.size(idsName)

  const rangeOf = async (first: number, last: number, run?: Run): Promise<[from: number, to: number]> => {
    const places = await sections.read(groupsName, 4 * first, 4 * (last + 1) + 4, run)
    const view = new DataView(places.buffer)
    const [from, to] = [view.getUint32(0, true), view.getUint32(places.length - 4, true)]
    if (!(from < to && to <= total)) throw damaged(`group ${first} of the ids has the range ${from}..${to}`)
    return [from, to]
  }
  const group = async (number: number, run?: Run): Promise<string[]> => {
    const [from, to] = await rangeOf(number, number, run)
    const input = new ByteReader(await sections.read(idsName, from, to, run))
    return decodeGroups(input, Math.min(GROUP, rows - number * GROUP))
  }
  /** First group whose first id stands behind `id`, less one: the only one that may hold it. */
  const groupFor = async (id: string, low: number, run?: Run): Promise<number> => {
    let [least, most] = [low, groups]
    while (most - least > 1) {
      const middle = (least + most) >> 1
      const [from] = await rangeOf(middle, middle, run)
      const head = await sections.read(idsName, from, Math.min(total, from + 600), run)
      const input = new ByteReader(head)
      if (input.varint() !== 0) throw damaged(`group ${middle} of the ids does not start with a whole one`)
      if (compareText(input.utf8(input.varint()), id) <= 0) least = middle
      else most = middle
    }
    return least
  }
  const all = async (run?: Run): Promise<string[]> =>
    decodeGroups(new ByteReader(await sections.read(idsName, 0, total, run)), rows)
  const findAll = async (ids: readonly string[], run?: Run): Promise<number[]> => {
    const found: number[] = []
    if (rows === 0) return found
    if (ids.length * 8 > rows) return meet(await all(run), ids)
    let [at, held]: [number, string[]] = [-1, []]
    for (const id of ids) {
      // The group at hand serves all ids up to its last.
      if (at < 0 || compareText(id, held[held.length - 1]) > 0) {
        const next = await groupFor(id, Math.max(0, at), run)
        if (next !== at) [at, held] = [next, await group(next, run)]
      }
      const place = held.indexOf(id)
      if (place >= 0) found.push(at * GROUP + place)
    }
    return found
  }
  return {
    rows,
    async at(wanted, run) {
      const numbers = [...new Set(Array.from(wanted, (row) => Math.floor(row / GROUP)))]
      const held = new Map(
        await Promise.all(numbers.map(async (number) => [number, await group(number, run)] as const)),
      )
      return Array.from(wanted, (row) => (held.get(Math.floor(row / GROUP)) as string[])[row % GROUP])
    },
    async find(id, run) {
      const [row = -1] = await findAll([id], run)
      return row
    },
    findAll,
    all,
  }
}

/** Places in `held` of those of `ids` that stand there; both ascend. */
function meet(held: readonly string[], ids: readonly string[]): number[] {
  const found: number[] = []
  let row = 0
  for (const id of ids) {
    while (row < held.length && compareText(held[row], id) < 0) row++
    if (held[row] === id) found.push(row)
  }
  return found
}

function decodeGroups(input: ByteReader, count: number): string[] {
  const ids: string[] = []
  let held = new Uint8Array(64)
  let length = 0
  for (let row = 0; row < count; row++) {
    const at = input.offset
    const shared = input.varint()
    const suffix = input.take(input.varint())
    if (shared > (row % GROUP === 0 ? 0 : length)) throw damaged(`an id shares ${shared} bytes of ${length}`, at)
    length = shared + suffix.length
    if (length > held.length) {
      const grown = new Uint8Array(2 * length)
      grown.set(held)
      held = grown
    }
    held.set(suffix, shared)
    const id = decode(held.subarray(0, length), at)
    if (row > 0 && compareText(ids[row - 1], id) >= 0) throw damaged(`the ids do not ascend at row ${row}`, at)
    ids.push(id)
  }
  input.finish()
  return ids
}

function decode(bytes: Uint8Array, offset: number): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw damaged('an id is not UTF-8', offset)
  }
}
