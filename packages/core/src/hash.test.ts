import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toHex } from './bytes.ts'
import { fingerprint, Sha256, sha256 } from './hash.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

// FIPS 180-2, appendix B, and the empty message of NIST's byte vectors.
test.each([
  ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  [
    'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  ],
  ['a'.repeat(1_000_000), 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0'],
])('the standard vectors', (message, hash) => {
  expect(fingerprint(text(message))).toBe(hash)
})

test("any bytes in any pieces hash as Node's own SHA-256", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (pieces) => {
      const ours = new Sha256()
      const theirs = createHash('sha256')
      for (const piece of pieces) {
        ours.update(piece)
        theirs.update(piece)
        expect(toHex(ours.digest())).toBe(theirs.copy().digest('hex'))
      }
    }),
  )
})

test('every length around the block size', () => {
  for (let length = 0; length <= 130; length++) {
    const bytes = new Uint8Array(length + 1).fill(length).subarray(1)
    expect(toHex(sha256(bytes))).toBe(createHash('sha256').update(bytes).digest('hex'))
  }
})
