/** What an LSA encoder is made of, as bytes; all of it decides what the encoder computes. */
import { ByteReader, ByteWriter, concatBytes, PithError } from '@pith/core'
import { analyzerOf } from '@pith/core/lexical'
import type { LsaParts } from './lsa.ts'

const MAX_DIM = 4096
const MAX_TERMS = 2 ** 24
const MAX_NAME = 4096

/** Number of terms, dim, name of the analyzer. */
export function encodeHead({
  analyzer,
  dim,
  terms,
}: Pick<LsaParts, 'analyzer' | 'dim' | 'terms'>): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter()
  out.varint(terms.length)
  out.varint(dim)
  out.utf8(analyzer.id)
  return out.finish()
}

/** @throws PithError `PITH_CORRUPT`, `PITH_TRUNCATED`, `PITH_VERSION` */
export function decodeHead(bytes: Uint8Array): Pick<LsaParts, 'analyzer' | 'dim'> & { count: number } {
  const input = new ByteReader(bytes)
  const [count, dim] = [input.varint(), input.varint()]
  if (!(count <= MAX_TERMS && dim >= 1 && dim <= MAX_DIM && input.remaining <= MAX_NAME)) {
    throw new PithError('PITH_CORRUPT', `an encoder of ${count} terms and ${dim} numbers a vector`)
  }
  return { count, dim, analyzer: analyzerOf(input.utf8(input.remaining)) }
}

/** Terms by front coding: bytes shared with the one before, bytes that follow, these bytes. */
export function encodeTerms(terms: readonly string[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder()
  const out = new ByteWriter()
  let before: Uint8Array = new Uint8Array(0)
  for (const term of terms) {
    const bytes = encoder.encode(term)
    let shared = 0
    while (shared < Math.min(before.length, bytes.length) && before[shared] === bytes[shared]) shared++
    out.varint(shared)
    out.varint(bytes.length - shared)
    out.bytes(bytes.subarray(shared))
    before = bytes
  }
  return out.finish()
}

/** @throws PithError `PITH_CORRUPT`, `PITH_TRUNCATED` */
export function decodeTerms(bytes: Uint8Array, count: number): string[] {
  const input = new ByteReader(bytes)
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const terms: string[] = []
  let before: Uint8Array = new Uint8Array(0)
  for (let i = 0; i < count; i++) {
    const shared = input.varint()
    const rest = input.take(input.varint())
    if (shared > before.length || shared + rest.length > MAX_NAME) throw damaged(i)
    before = concatBytes([before.subarray(0, shared), rest])
    let term: string
    try {
      term = decoder.decode(before)
    } catch {
      throw damaged(i)
    }
    if (i > 0 && !((terms[i - 1] as string) < term)) throw damaged(i)
    terms.push(term)
  }
  input.finish()
  return terms
}

/** All that decides what an encoder computes. */
export function lsaBytes(parts: LsaParts, vectors: Int8Array): Uint8Array<ArrayBuffer> {
  return concatBytes([
    encodeHead(parts),
    encodeTerms(parts.terms),
    encodeFactors(parts.factors),
    new Uint8Array(vectors.buffer, vectors.byteOffset, vectors.length),
  ])
}

export function encodeFactors(factors: Float32Array): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(4 * factors.length)
  for (const factor of factors) out.f32(factor)
  return out.finish()
}

/** @throws PithError `PITH_CORRUPT` another count, or what is not finite */
export function decodeFactors(bytes: Uint8Array, count: number): Float32Array {
  if (bytes.length !== 4 * count)
    throw new PithError('PITH_CORRUPT', `${bytes.length} bytes of weights for ${count} terms`)
  const input = new ByteReader(bytes)
  const factors = new Float32Array(count)
  for (let i = 0; i < count; i++) {
    factors[i] = input.f32()
    if (!Number.isFinite(factors[i])) throw new PithError('PITH_CORRUPT', `the weight of term ${i} is ${factors[i]}`)
  }
  return factors
}

function damaged(i: number): PithError {
  return new PithError('PITH_CORRUPT', `term ${i} of the encoder is damaged`, { hint: 'Build the index again.' })
}
