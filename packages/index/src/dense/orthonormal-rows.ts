/** Columns summed at once: the row that is changed stays in the nearest cache. */
const TOGETHER = 4

/** A row that keeps less than this share of its length was a sum of the others. */
const DEPENDENT = 1e-10

/**
 * Make the rows of f64[count, length] orthonormal in place by Gram-Schmidt, each row twice; a row that depends on those before
 * it becomes 0.
 *
 * @complexity 2 count^2 length
 */
export function orthonormalizeRows(rows: Float64Array, count: number, length: number): void {
  for (let i = 0; i < count; i++) {
    const before = norm(rows, i * length, length)
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j += TOGETHER) takeOff(rows, i * length, j * length, Math.min(TOGETHER, i - j), length)
    }
    const left = norm(rows, i * length, length)
    const factor = left > DEPENDENT * before ? 1 / left : 0
    for (let p = i * length; p < (i + 1) * length; p++) rows[p] = factor * (rows[p] as number)
  }
}

/** Take what row `to` shares with `count` rows from `from` on off it. */
function takeOff(rows: Float64Array, to: number, from: number, count: number, length: number): void {
  const b0 = from
  const b1 = count > 1 ? b0 + length : b0
  const b2 = count > 2 ? b1 + length : b0
  const b3 = count > 3 ? b2 + length : b0
  let s0 = 0
  let s1 = 0
  let s2 = 0
  let s3 = 0
  for (let p = 0; p < length; p++) {
    const x = rows[to + p] as number
    s0 += x * (rows[b0 + p] as number)
    s1 += x * (rows[b1 + p] as number)
    s2 += x * (rows[b2 + p] as number)
    s3 += x * (rows[b3 + p] as number)
  }
  // Rows that are not there stand for the first one and count nothing.
  if (count < 2) s1 = 0
  if (count < 3) s2 = 0
  if (count < 4) s3 = 0
  for (let p = 0; p < length; p++) {
    rows[to + p] -=
      s0 * (rows[b0 + p] as number) +
      s1 * (rows[b1 + p] as number) +
      s2 * (rows[b2 + p] as number) +
      s3 * (rows[b3 + p] as number)
  }
}

function norm(rows: Float64Array, from: number, length: number): number {
  let sum = 0
  for (let p = from; p < from + length; p++) sum += (rows[p] as number) ** 2
  return Math.sqrt(sum)
}
