export { buildSeismic } from './build.ts'
export { openSeismic, SEISMIC_SECTIONS, writeSeismic } from './format.ts'
export type { BuildSettings, EffortSettings, SearchEffort, SearchOptions, SeismicOptions } from './options.ts'
export { type SearchCounts, type SeismicHits, SeismicIndex } from './seismic-index.ts'
