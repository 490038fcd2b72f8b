/** Encoders in an index; docs/format-index.md has the layout. */
import { PithError, type Run } from '@pith/core'
import type { SectionReader, SectionWriter } from '../sections.ts'
import { LsaEncoder } from './lsa.ts'
import { decodeFactors, decodeHead, decodeTerms, encodeFactors, encodeHead, encodeTerms } from './lsa-parts.ts'

/** Vectors of terms that an opened encoder keeps. */
const KEPT_BYTES = 2 ** 24
const MAX_ID = 200

/** Write an encoder under `prefix`. @throws what the sections throw */
export async function writeLsa(encoder: LsaEncoder, sections: SectionWriter, prefix: string): Promise<void> {
  const { parts } = encoder
  const all = await parts.vectors([...parts.terms.keys()])
  await sections.write(`${prefix}.id`, new TextEncoder().encode(encoder.id))
  await sections.write(`${prefix}.head`, encodeHead(parts))
  await sections.write(`${prefix}.terms`, encodeTerms(parts.terms))
  await sections.write(`${prefix}.factors`, encodeFactors(parts.factors))
  await sections.write(`${prefix}.vectors`, new Uint8Array(all.buffer, all.byteOffset, all.length))
}

/**
 * The encoder that {@link writeLsa} wrote. Vectors of terms are read when they are first asked for.
 *
 * @throws PithError `PITH_CORRUPT`, `PITH_TRUNCATED`, `PITH_VERSION`; what the sections throw
 */
export async function openLsa(sections: SectionReader, prefix: string, run?: Run): Promise<LsaEncoder> {
  const [id, head, terms, factors] = await Promise.all(
    ['id', 'head', 'terms', 'factors'].map((name) => sections.read(`${prefix}.${name}`, 0, undefined, run)),
  )
  if (id === undefined || head === undefined || terms === undefined || factors === undefined) {
    throw new PithError('PITH_INTERNAL', 'a section is missing')
  }
  if (id.length > MAX_ID) throw new PithError('PITH_CORRUPT', `the id of an encoder has ${id.length} bytes`)
  const { analyzer, dim, count } = decodeHead(head)
  const name = `${prefix}.vectors`
  if (sections.size(name) !== count * dim) {
    throw new PithError('PITH_CORRUPT', `${sections.size(name)} bytes of vectors for ${count} terms of ${dim}`)
  }
  const kept = new Map<number, Int8Array>()
  const vectors = async (rows: readonly number[], read?: Run): Promise<Int8Array> => {
    const found = await Promise.all(
      rows.map(async (row) => {
        const held = kept.get(row)
        if (held !== undefined) return held
        const bytes = await sections.read(name, row * dim, (row + 1) * dim, read)
        return new Int8Array(bytes.buffer, bytes.byteOffset, dim)
      }),
    )
    const out = new Int8Array(rows.length * dim)
    for (const [place, row] of rows.entries()) {
      const own = found[place] as Int8Array
      out.set(own, place * dim)
      if (kept.size * dim < KEPT_BYTES) kept.set(row, own)
    }
    return out
  }
  return new LsaEncoder(new TextDecoder().decode(id), {
    analyzer,
    dim,
    terms: decodeTerms(terms, count),
    factors: decodeFactors(factors, count),
    vectors,
  })
}
