/** Which heads share a past: those that hold the same number of tokens can lie in one block of memory. */
import { PithError } from '@pith/core'
import type { KvShape } from '../kv-cache.ts'

/** By layer, lists of heads of keys and values, each ascending; each head stands in one of them. */
export type HeadGroups = readonly (readonly (readonly number[])[])[]

/** All heads of a layer share a past. */
export function groupByLayer({ layers, kvHeads }: KvShape): HeadGroups {
  const all = Array.from({ length: kvHeads }, (_, head) => head)
  return Array.from({ length: layers }, () => [all])
}

/** Each head has a past of its own. */
export function groupByHead({ layers, kvHeads }: KvShape): HeadGroups {
  const each = Array.from({ length: kvHeads }, (_, head) => [head])
  return Array.from({ length: layers }, () => each)
}

/** Where each head stands among the members of groups one after another. */
export function withoutOrder(groups: readonly (readonly number[])[]): number[] {
  const order = groups.flat()
  const out = new Array<number>(order.length).fill(0)
  for (const [place, head] of order.entries()) out[head] = place
  return out
}

/** @throws PithError `PITH_ARG` a head that stands in no group or in several */
export function checkGroups(groups: HeadGroups, { layers, kvHeads }: KvShape): void {
  const isWhole = (own: readonly (readonly number[])[]): boolean => {
    const heads = own.flat()
    return (
      own.every((members) => members.every((head, i) => i === 0 || head > (members[i - 1] as number))) &&
      own.every((members) => members.length > 0) &&
      heads.length === kvHeads &&
      new Set(heads).size === kvHeads &&
      heads.every((head) => Number.isInteger(head) && head >= 0 && head < kvHeads)
    )
  }
  if (groups.length !== layers || !groups.every(isWhole)) {
    throw new PithError('PITH_ARG', `groups must name each of ${kvHeads} heads once in each of ${layers} layers`)
  }
}
