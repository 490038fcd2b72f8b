/** Files that scripts/make-engine-io-vectors.py wrote. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The bytes of a vector, in memory of their own. */
export function vector(name: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(readFileSync(join(import.meta.dirname, '../golden/io', name)))
}

/** The f32 of a vector. */
export function floatVector(name: string): Float32Array<ArrayBuffer> {
  return new Float32Array(vector(name).buffer)
}

/** The value of a JSON vector. */
export function jsonVector<T>(name: string): T {
  return JSON.parse(new TextDecoder().decode(vector(name))) as T
}
