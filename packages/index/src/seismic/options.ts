import { PithError } from '@pith/core'
import type { RowFilter } from '../types.ts'

/** How an index is built. */
export interface SeismicOptions {
  /** Share of the entries that stay in the lists, above 0 to 1: the largest of them. Default .12. */
  keep?: number
  /** Longest list over the mean length of a list. Default 6. */
  maxFraction?: number
  /** Blocks for each row of a list, above 0 to 1. Default .3. */
  blockFraction?: number
  /** Blocks of no more rows are given up, 0..65535. Default 1. */
  minBlock?: number
  /** Share of a block's sum of values that its summary keeps, 0..1. Default .3. */
  energy?: number
  /** Components of a row that decide its block, 1..65535. Default 15. */
  docCut?: number
  /** Neighbours of each row in the graph, 0..64; 0 makes none. Default 0. */
  knn?: number
}

/** Options with their defaults. */
export type BuildSettings = Required<SeismicOptions>

export const SEISMIC_DEFAULTS: BuildSettings = /* @__PURE__ */ Object.freeze({
  keep: 0.12,
  maxFraction: 6,
  blockFraction: 0.3,
  minBlock: 1,
  energy: 0.3,
  docCut: 15,
  knn: 0,
})

/** How carefully a query is answered; an index keeps its own defaults, which tuning sets. */
export interface SearchEffort {
  /** Lists that are visited, those of the query's largest components: 1..65535. */
  cut?: number
  /** What a block's summary must promise, over the least score among the best: 0 visits all, 1 and more few. 0..16. */
  heapFactor?: number
  /** What the largest components of a row must give, over the least score among the best, for the others to be added: 0 adds all. 0..16. */
  headFactor?: number
}

/** How a query is answered. */
export interface SearchOptions extends SearchEffort {
  /** Rows that may be returned. */
  filter?: RowFilter
  /** Neighbours of each of the best rows that are looked at too, at most those of the graph. Default 0. */
  nKnn?: number
  /** Whether all rows are looked at. Default false. */
  exact?: boolean
  /** Whether all rows are looked at where fewer than k were found. Default false. */
  complete?: boolean
}

/** Effort with nothing left out. */
export type EffortSettings = Required<SearchEffort>

export const EFFORT_DEFAULTS: EffortSettings = /* @__PURE__ */ Object.freeze({
  cut: 5,
  heapFactor: 0.6,
  headFactor: 0.6,
})

type Range = readonly [low: number, high: number, integer?: boolean]

const BUILD_RANGES: Readonly<Record<keyof BuildSettings, Range>> = {
  keep: [1e-6, 1],
  maxFraction: [0.01, 1e9],
  blockFraction: [1e-6, 1],
  minBlock: [0, 65535, true],
  energy: [0, 1],
  docCut: [1, 65535, true],
  knn: [0, 64, true],
}

const EFFORT_RANGES: Readonly<Record<keyof EffortSettings, Range>> = {
  cut: [1, 65535, true],
  heapFactor: [0, 16],
  headFactor: [0, 16],
}

/** Options with defaults filled in. @throws PithError `PITH_ARG` one is out of its range */
export function buildSettings(options: SeismicOptions): BuildSettings {
  return settingsOf(SEISMIC_DEFAULTS, options, BUILD_RANGES)
}

/** Effort with defaults filled in. @throws PithError `PITH_ARG` one is out of its range */
export function effortSettings(defaults: EffortSettings, options: SearchEffort): EffortSettings {
  const { cut, heapFactor, headFactor } = options
  if (cut === undefined && heapFactor === undefined && headFactor === undefined) return defaults
  return settingsOf(defaults, options, EFFORT_RANGES)
}

function settingsOf<K extends string>(
  defaults: Readonly<Record<K, number>>,
  options: { readonly [key in K]?: number | undefined },
  ranges: Readonly<Record<K, Range>>,
): Record<K, number> {
  const settings: Record<K, number> = { ...defaults }
  for (const name of Object.keys(ranges) as K[]) {
    const value: number = options[name] ?? settings[name]
    const [low, high, integer = false] = ranges[name]
    if (!(value >= low && value <= high && (!integer || Number.isInteger(value)))) {
      throw new PithError('PITH_ARG', `${name} must be ${integer ? 'an integer in ' : ''}${low}..${high}, got ${value}`)
    }
    settings[name] = value
  }
  return settings
}
