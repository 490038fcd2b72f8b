import type { ChunkFacts } from '@pith/text/logzip'

/** Steps of an axis. */
export const STEPS = 60

/** What a strip runs along. */
export interface Axis {
  readonly by: 'time' | 'line'
  readonly first: number
  readonly last: number
  /** Whether the years of times are known. */
  readonly dated: boolean
}

/** The whole time of a log. */
export function timeAxis({ first, last, dated }: { first: number; last: number; dated: boolean }): Axis {
  return { by: 'time', first, last, dated }
}

/** The lines of a log from its first to its last. */
export function lineAxis(lines: number): Axis {
  return { by: 'line', first: 0, last: lines, dated: false }
}

/** Lines of a chunk that stand one behind the other. */
interface Stretch {
  /** Number of the first line, and its time where one is said. */
  readonly line: number
  readonly lines: number
  readonly time: number | undefined
  readonly counts: readonly (readonly [text: string, lines: number])[]
}

/** Where the lines of templates are, gathered chunk by chunk. */
export class Strips {
  readonly #stretches: Stretch[] = []
  #line: number = 0
  #late: number = 0
  #timed: number = 0
  #newest: number = Number.NEGATIVE_INFINITY

  /** Add the next chunk. */
  add({ templates, stepTimes }: ChunkFacts): void {
    for (const [step, time] of stepTimes.entries()) {
      const counts = templates.flatMap(({ text, overTime }): [string, number][] =>
        overTime[step] ? [[text, overTime[step]]] : [],
      )
      if (counts.length === 0) continue
      const lines = counts.reduce((sum, [, own]) => sum + own, 0)
      this.#stretches.push({ line: this.#line, lines, time, counts })
      this.#line += lines
      if (time === undefined) continue
      this.#timed++
      if (time < this.#newest) this.#late++
      else this.#newest = time
    }
  }

  /** Whether most lines say a time, and times go forward. */
  get inOrder(): boolean {
    return this.#timed * 2 > this.#stretches.length && this.#late * 20 <= this.#timed
  }

  /** Lines of each template in each step of an axis. */
  over(axis: Axis): Map<string, number[]> {
    const strips = new Map<string, number[]>()
    let place = axis.first
    const starts = this.#stretches.map(({ line, time }) => {
      const own = axis.by === 'line' ? line : (time ?? place)
      place = Math.min(axis.last, Math.max(place, own))
      return place
    })
    for (const [i, { counts }] of this.#stretches.entries()) {
      const from = starts[i]!
      for (const [text, lines] of counts) {
        let strip = strips.get(text)
        if (strip === undefined) strips.set(text, (strip = new Array<number>(STEPS).fill(0)))
        spread(strip, lines, stepAt(axis, from), stepAt(axis, starts[i + 1] ?? axis.last))
      }
    }
    return strips
  }
}

/** Place on the axis in steps, 0..STEPS. */
function stepAt({ first, last }: Axis, place: number): number {
  return last > first ? ((place - first) / (last - first)) * STEPS : 0
}

/** Add lines evenly between two places. */
function spread(strip: number[], lines: number, from: number, to: number): void {
  const begin = Math.min(STEPS - 1, Math.floor(from))
  const end = Math.min(STEPS - 1, Math.floor(to))
  if (begin === end) {
    strip[begin]! += lines
    return
  }
  for (let step = begin; step <= end; step++) {
    const part = Math.min(to, step + 1) - Math.max(from, step)
    strip[step]! += (lines * part) / (to - from)
  }
}
