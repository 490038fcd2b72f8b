/** Signatures in a few flat arrays: a map of thousands of small objects would take longer to send to a worker than to use. */
import type { KnownSignature } from './templates.ts'

export interface PackedSignatures {
  /** Keys one behind the other. */
  keys: string
  keyLengths: Int32Array
  templates: Int32Array
  programLengths: Int32Array
  programs: Int32Array
}

export function packSignatures(signatures: ReadonlyMap<string, KnownSignature>): PackedSignatures {
  const n = signatures.size
  let words = 0
  for (const { program } of signatures.values()) words += program.length
  const packed = {
    keys: [...signatures.keys()].join(''),
    keyLengths: new Int32Array(n),
    templates: new Int32Array(n),
    programLengths: new Int32Array(n),
    programs: new Int32Array(words),
  }
  let i = 0
  let at = 0
  for (const [key, { template, program }] of signatures) {
    packed.keyLengths[i] = key.length
    packed.templates[i] = template
    packed.programLengths[i] = program.length
    packed.programs.set(program, at)
    at += program.length
    i++
  }
  return packed
}

export function unpackSignatures(packed: PackedSignatures): Map<string, KnownSignature> {
  const signatures = new Map<string, KnownSignature>()
  let key = 0
  let at = 0
  for (let i = 0; i < packed.templates.length; i++) {
    const keyEnd = key + (packed.keyLengths[i] as number)
    const end = at + (packed.programLengths[i] as number)
    const program: number[] = []
    while (at < end) program.push(packed.programs[at++] as number)
    signatures.set(packed.keys.slice(key, keyEnd), {
      template: packed.templates[i] as number,
      program,
    })
    key = keyEnd
  }
  return signatures
}
