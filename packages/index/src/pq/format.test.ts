import { isDamage, isPithError, PithError, Random } from '@pith/core'
import { expect, test } from 'vitest'
import { holdSections } from '../../test/held-sections.ts'
import type { SectionReader, SectionWriter } from '../sections.ts'
import type { DenseMatrix, Hits } from '../types.ts'
import {
  BinaryIndex,
  encodePq,
  encodeRabitq,
  flatIndex,
  int8Index,
  makeRabitq,
  openPq,
  openPqCodes,
  openRabitq,
  openSigns,
  openVectors,
  type Pq,
  PqIndex,
  packSigns,
  RabitqIndex,
  trainPq,
  withScoring,
  writePq,
  writePqCodes,
  writeRabitq,
  writeSigns,
  writeVectors,
} from './index.ts'

const random = new Random(4)
const X: DenseMatrix = { n: 60, dim: 7, data: Float32Array.from({ length: 420 }, () => random.normal()) }
const QUERY = Float32Array.from({ length: 7 }, () => random.normal())

interface Case {
  write(sections: SectionWriter): Promise<void>
  /** Hits of what is opened. */
  ask(sections: SectionReader): Promise<Hits>
  readonly expected: Hits
}

async function cases(): Promise<Record<string, Case>> {
  const out: Record<string, Case> = {}
  for (const [name, bits, opq] of [
    ['pq8', 8, true],
    ['pq4', 4, false],
  ] as const) {
    const plain = await trainPq(X, { m: 3, bits, opq, rounds: 1, iters: 2, metric: 'l2' })
    const pq: Pq =
      bits === 4
        ? plain
        : withScoring(
            plain,
            plain.scoring.map((value) => value + 0.1),
          )
    const codes = await encodePq(pq, X)
    out[name] = {
      async write(sections) {
        await writePq(pq, sections, 'pq/')
        await writePqCodes(codes, sections, 'pq/')
      },
      async ask(sections) {
        const opened = await openPq(sections, 'pq/')
        return new PqIndex(opened, await openPqCodes(opened, X.n, sections, 'pq/')).search(QUERY, 9)
      },
      expected: new PqIndex(pq, codes).search(QUERY, 9),
    }
  }
  const vectors = [
    flatIndex(X, { metric: 'l2' }),
    flatIndex(X, { metric: 'cos', type: 'f16' }),
    int8Index(X, { metric: 'l2' }),
  ]
  for (const [i, own] of vectors.entries()) {
    out[`vectors${i}`] = {
      write: (sections) => writeVectors(own, sections, 'v/'),
      ask: async (sections) => (await openVectors(sections, 'v/')).search(QUERY, 9),
      expected: own.search(QUERY, 9),
    }
  }
  const signs = new BinaryIndex(packSigns(X))
  out['signs'] = {
    write: (sections) => writeSigns(signs, sections, 's/'),
    ask: async (sections) => (await openSigns(sections, 's/')).search(QUERY, 9, { rerank: 20 }),
    expected: signs.search(QUERY, 9, { rerank: 20 }),
  }
  const code = makeRabitq(X, { metric: 'l2' })
  const rabitq = new RabitqIndex(code, encodeRabitq(code, X))
  out['rabitq'] = {
    write: (sections) => writeRabitq(rabitq, sections, 'r/'),
    ask: async (sections) => (await openRabitq(sections, 'r/')).search(QUERY, 9),
    expected: rabitq.search(QUERY, 9),
  }
  return out
}

/** Sections without checksums. */
function sectionsOf(content: ReadonlyMap<string, Uint8Array>): SectionReader {
  const find = (name: string): Uint8Array => {
    const found = content.get(name)
    if (found === undefined) throw new PithError('PITH_CORRUPT', `no section ${name}`)
    return found
  }
  return {
    has: (name) => content.has(name),
    size: (name) => find(name).length,
    read: async (name, from, to) => Uint8Array.from(find(name).subarray(from, to)),
  }
}

async function contentOf(write: Case['write']): Promise<Map<string, Uint8Array>> {
  const content = new Map<string, Uint8Array>()
  await write({
    async write(name, bytes) {
      const parts: number[] = []
      for await (const part of bytes instanceof Uint8Array ? [bytes] : bytes) parts.push(...part)
      content.set(name, Uint8Array.from(parts))
    },
  })
  return content
}

test('what is written finds the same rows when it is opened', async () => {
  for (const { write, ask, expected } of Object.values(await cases())) {
    expect(await ask(await holdSections(write))).toEqual(expected)
  }
})

test('damage is told by its code, or finds rows that are there', async () => {
  for (const [name, { write, ask }] of Object.entries(await cases())) {
    const content = await contentOf(write)
    for (const [section, bytes] of content) {
      // Each bit of heads, some of the rest.
      const step = section.endsWith('head') ? 1 : 131
      for (let bit = 0; bit < 8 * bytes.length; bit += step) {
        const flipped = bytes.slice()
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
        await askDamaged(`${name} ${section} ${bit}`, ask, new Map(content).set(section, flipped))
      }
      for (const length of [0, 1, bytes.length - 1]) {
        const cut = ask(sectionsOf(new Map(content).set(section, bytes.slice(0, length))))
        await expect(cut, `${name} ${section} cut at ${length}`).rejects.toSatisfy(isDamage)
      }
    }
  }
})

async function askDamaged(name: string, ask: Case['ask'], content: Map<string, Uint8Array>): Promise<void> {
  try {
    const { ids, scores } = await ask(sectionsOf(content))
    expect(ids.every((id) => id < X.n) && scores.length === ids.length, name).toBe(true)
  } catch (error) {
    // Another number of dimensions may be right, but not for the query.
    expect(
      isDamage(error) || isPithError(error, 'PITH_VERSION') || isPithError(error, 'PITH_SHAPE'),
      `${name}: ${error}`,
    ).toBe(true)
  }
}
