/** Signatures in a few flat arrays: a map of thousands of small objects would take longer to send to a worker than to use. */
import { fromLatin1, toLatin1 } from './latin1.ts'
import { ownBytes, shareBytes, shareWords } from './share.ts'
import type { KnownSignature } from './templates.ts'

export interface PackedSignatures {
  /** Keys one behind the other, a byte a character. */
  keys: Uint8Array
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
    keys: fromLatin1([...signatures.keys()].join('')),
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
  const keys = toLatin1(ownBytes(packed.keys))
  let key = 0
  let at = 0
  for (let i = 0; i < packed.templates.length; i++) {
    const keyEnd = key + (packed.keyLengths[i] as number)
    const end = at + (packed.programLengths[i] as number)
    const program: number[] = []
    while (at < end) program.push(packed.programs[at++] as number)
    signatures.set(keys.slice(key, keyEnd), {
      template: packed.templates[i] as number,
      program,
    })
    key = keyEnd
  }
  return signatures
}

/** The same signatures, for workers that read them where they are. */
export function shareSignatures(packed: PackedSignatures): PackedSignatures {
  return {
    keys: shareBytes(packed.keys),
    keyLengths: shareWords(packed.keyLengths),
    templates: shareWords(packed.templates),
    programLengths: shareWords(packed.programLengths),
    programs: shareWords(packed.programs),
  }
}
