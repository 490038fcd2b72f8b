/** All gradient rules, by `domain:name`. */
import { CONV } from './conv.ts'
import { CROP_DECOMPOSITIONS } from './crop.ts'
import { ELEMENTWISE } from './elementwise.ts'
import { GRID_DECOMPOSITIONS } from './grid-sample.ts'
import { INDEXING } from './indexing.ts'
import { LINEAR } from './linear.ts'
import { LOSS_DECOMPOSITIONS } from './losses.ts'
import { MOVEMENT } from './movement.ts'
import { NORM, NORM_DECOMPOSITIONS } from './norm.ts'
import { OTHER } from './other.ts'
import { ATTENTION_DECOMPOSITIONS } from './packed-attention.ts'
import { POOL } from './pool.ts'
import { QUANT } from './quant.ts'
import { RECURRENT } from './recurrent.ts'
import { REDUCE } from './reduce.ts'
import { RESIZE } from './resize.ts'
import { ROI_DECOMPOSITIONS } from './roi-align.ts'
import { SIGNAL, SIGNAL_DECOMPOSITIONS } from './signal.ts'
import type { Decompositions, Rules } from './table.ts'

export const RULES: Rules = /* @__PURE__ */ Object.freeze({
  ...ELEMENTWISE,
  ...REDUCE,
  ...LINEAR,
  ...MOVEMENT,
  ...INDEXING,
  ...CONV,
  ...POOL,
  ...RESIZE,
  ...NORM,
  ...SIGNAL,
  ...QUANT,
  ...RECURRENT,
  ...OTHER,
})

/** Operators that are differentiated as simpler ones. */
export const DECOMPOSITIONS: Decompositions = /* @__PURE__ */ Object.freeze({
  ...NORM_DECOMPOSITIONS,
  ...GRID_DECOMPOSITIONS,
  ...CROP_DECOMPOSITIONS,
  ...ROI_DECOMPOSITIONS,
  ...ATTENTION_DECOMPOSITIONS,
  ...SIGNAL_DECOMPOSITIONS,
  ...LOSS_DECOMPOSITIONS,
})
