/** What a model is, in hashes: caches and profiles are kept under them. */
import { Sha256, toHex } from '@pith/core'
import type { Params } from '@pith/engine'
import type { LmConfig } from './config.ts'
import type { ModelFingerprint } from './kv-cache.ts'
import { QUANT_BITS, QUANT_BLOCK, type Quant } from './runtime/quantise.ts'

/**
 * The fingerprint of a model: sizes with the tokenizer, parameters as they were before any rounding here, and the arithmetic.
 *
 * @param tokenizer its bytes; undefined for a model that is given ids
 */
export function fingerprintOf(
  config: LmConfig,
  params: Params,
  quant: Quant,
  tokenizer: Uint8Array | undefined,
): ModelFingerprint {
  const encoder = new TextEncoder()
  const sizes = Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1))
  const arch = new Sha256().update(encoder.encode(JSON.stringify(sizes))).update(tokenizer ?? new Uint8Array(0))
  const weights = new Sha256()
  for (const name of Object.keys(params).sort()) {
    const { dtype, shape, data } = params[name] as Params[string]
    const { buffer, byteOffset, byteLength } = data as Float32Array
    weights.update(encoder.encode(JSON.stringify([name, dtype, shape])))
    weights.update(new Uint8Array(buffer, byteOffset, byteLength))
  }
  return { arch: toHex(arch.digest()), weights: toHex(weights.digest()), numerics: numericsOf(quant) }
}

/** The name of an arithmetic. */
export function numericsOf(quant: Quant): string {
  return quant === 'f32' ? 'f32' : `q${QUANT_BITS[quant]}-b${QUANT_BLOCK}-acc4`
}
