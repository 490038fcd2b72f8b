import { formatCount } from '@pith/core'

/** A number with its noun: `1 block`, `3 entries`. */
export function plural(count: number, one: string, many: string = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}
