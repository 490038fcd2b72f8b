/** What a cache may be at most; checked before anything is allocated. */
import { PithError } from '@pith/core'
import type { KvShape } from '@pith/lm'

const MOST: Readonly<Record<keyof KvShape, number>> = { layers: 512, kvHeads: 1024, headDim: 1024 }

/** Most tokens of a cache. */
export const MOST_TOKENS: number = 2 ** 24

/** Most numbers of the keys of a cache. */
const MOST_NUMBERS = 2 ** 33

/** @throws PithError `PITH_LIMIT` a size beyond what a cache may have · `PITH_CORRUPT` none, or heads of odd width */
export function checkKvShape(shape: KvShape, tokens = 0): void {
  for (const key of ['layers', 'kvHeads', 'headDim'] as const) {
    const size = shape[key]
    if (!(Number.isInteger(size) && size >= 1)) throw new PithError('PITH_CORRUPT', `${key} is ${size}`)
    if (size > MOST[key]) throw new PithError('PITH_LIMIT', `${key} is ${size}, more than ${MOST[key]}`)
  }
  if (shape.headDim % 2 !== 0) throw new PithError('PITH_CORRUPT', `heads are ${shape.headDim} wide, which is odd`)
  if (!(Number.isInteger(tokens) && tokens >= 0 && tokens <= MOST_TOKENS)) {
    throw new PithError('PITH_LIMIT', `a cache has 0..${MOST_TOKENS} tokens, not ${tokens}`)
  }
  if (tokens * shape.layers * shape.kvHeads * shape.headDim > MOST_NUMBERS) {
    throw new PithError('PITH_LIMIT', `${tokens} tokens of this model are more than a cache may have`)
  }
}
