/** Programs from programs: smaller, with other inputs, or with simpler operators. */
export { bind, lift } from './bind.ts'
export { dce } from './dce.ts'
export { decompose } from './decompose.ts'
export { extract } from './extract.ts'
export { fold } from './fold.ts'
export { type Evaluate, type FoldByRunOptions, foldByRun } from './fold-by-run.ts'
export { type Rebuilt, type Rewriting, rebuild } from './rebuild.ts'
export { simplify } from './simplify.ts'
