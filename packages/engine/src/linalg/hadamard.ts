/** Hadamard transforms and matrices. */
import { PithError } from '@pith/core'
import { checkCount, checkFinite, type Matrix64, matrixOf, type Reals, zeros } from './matrix.ts'

/**
 * The orthonormal Walsh-Hadamard transform, in place; it is its own inverse.
 *
 * @param x changed; each `length` elements in turn are transformed
 * @param length a power of two that divides the number of elements; default all of them
 * @returns x
 * @throws PithError `PITH_SHAPE` another length · `PITH_NONFINITE`
 * @complexity x.length log2(length)
 */
export function hadamard<D extends Reals>(x: D, length: number = x.length): D {
  if (x.length === 0) return x
  if (!isPowerOfTwo(length) || x.length % length !== 0) {
    throw new PithError(
      'PITH_SHAPE',
      `hadamard takes blocks of a power of two, got ${length} of ${x.length} elements`,
      {
        hint: 'Multiply with hadamardMatrix for other lengths.',
      },
    )
  }
  checkFinite(matrixOf(x, x.length, 1), 'hadamard')
  for (let start = 0; start < x.length; start += length) {
    for (let half = 1; half < length; half *= 2) {
      for (let block = start; block < start + length; block += 2 * half) {
        for (let i = block; i < block + half; i++) {
          const a = x[i]
          const b = x[i + half]
          x[i] = a + b
          x[i + half] = a - b
        }
      }
    }
  }
  const scale = 1 / Math.sqrt(length)
  for (let i = 0; i < x.length; i++) x[i] *= scale
  return x
}

/**
 * A matrix H of ones and minus ones with H H^T = n I, its first row all ones for powers of two.
 * Method: Sylvester's doubling of the constructions of Paley (1933): 12, 20, 24, 28, 36, 44 ... times powers of two.
 *
 * @throws PithError `PITH_ARG` not a whole number in 1..32768 · `PITH_UNSUPPORTED` no construction for n
 */
export function hadamardMatrix(n: number): Matrix64 {
  checkCount(n, 1, 32768, 'n')
  let core = n
  let found = coreMatrix(core)
  while (found === undefined && core % 2 === 0) {
    core /= 2
    found = coreMatrix(core)
  }
  if (found === undefined) {
    throw new PithError('PITH_UNSUPPORTED', `there is no construction of a Hadamard matrix of ${n}`, {
      hint: 'Take a power of two, or one times 12, 20 or 28.',
    })
  }
  while (found.rows < n) found = doubled(found)
  return found
}

function coreMatrix(n: number): Matrix64 | undefined {
  if (n === 1) return matrixOf(Float64Array.of(1), 1, 1)
  if (n % 4 !== 0 || isPowerOfTwo(n)) return undefined
  if (isPrime(n - 1)) return firstPaley(n - 1)
  const q = n / 2 - 1
  return q % 4 === 1 && isPrime(q) ? secondPaley(q) : undefined
}

function doubled(a: Matrix64): Matrix64 {
  const n = a.rows
  const out = zeros(2 * n, 2 * n)
  for (let i = 0; i < 2 * n; i++) {
    for (let j = 0; j < 2 * n; j++) {
      out.data[i * 2 * n + j] = a.data[(i % n) * n + (j % n)] * (i >= n && j >= n ? -1 : 1)
    }
  }
  return out
}

/** I + S for a prime q = 3 mod 4, where S is skew: the bordered matrix of quadratic residues. */
function firstPaley(q: number): Matrix64 {
  const n = q + 1
  const out = conference(q, -1)
  for (let i = 0; i < n; i++) out.data[i * n + i] += 1
  return out
}

/** From the symmetric conference matrix of a prime q = 1 mod 4: 0 becomes [1 -1; -1 -1], +-1 becomes +-[1 1; 1 -1]. */
function secondPaley(q: number): Matrix64 {
  const n = q + 1
  const from = conference(q, 1)
  const out = zeros(2 * n, 2 * n)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const value = from.data[i * n + j]
      const at = 2 * i * 2 * n + 2 * j
      out.data[at] = value || 1
      out.data[at + 1] = value || -1
      out.data[at + 2 * n] = value || -1
      out.data[at + 2 * n + 1] = -value || -1
    }
  }
  return out
}

/** Zeros on the diagonal, ones on top, `side` at the left, and elsewhere whether j - i is a square modulo q. */
function conference(q: number, side: number): Matrix64 {
  const n = q + 1
  const isSquare = new Uint8Array(q)
  for (let i = 1; i < q; i++) isSquare[(i * i) % q] = 1
  const out = zeros(n, n)
  for (let i = 1; i < n; i++) {
    out.data[i] = 1
    out.data[i * n] = side
    for (let j = 1; j < n; j++) if (i !== j) out.data[i * n + j] = isSquare[(j - i + q) % q] === 1 ? 1 : -1
  }
  return out
}

function isPowerOfTwo(n: number): boolean {
  return Number.isInteger(n) && n >= 1 && n <= 2 ** 31 && Number.isInteger(Math.log2(n))
}

function isPrime(n: number): boolean {
  if (n < 2) return false
  for (let factor = 2; factor * factor <= n; factor++) if (n % factor === 0) return false
  return true
}
