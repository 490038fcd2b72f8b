/** Learned-sparse search through blocks of similar rows. */
export { buildSeismic } from './build.ts'
export { card as seismicCard } from './card.ts'
export { type Contribution, type Explanation, explainSeismic, type FoundBlock } from './explain.ts'
export { openSeismic, SEISMIC_SECTIONS, writeSeismic } from './format.ts'
export type { BuildSettings, EffortSettings, SearchEffort, SearchOptions, SeismicOptions } from './options.ts'
export { type SearchCounts, type SeismicHits, SeismicIndex } from './seismic-index.ts'
export { type TuneOptions, type TuneResult, type TuneTrial, tuneSeismic } from './tune.ts'
