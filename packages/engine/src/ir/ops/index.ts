/** All operators that are known from the start, by family. */
import type { OpDef } from '../registry.ts'
import { ATTENTION } from './attention.ts'
import { CONTROL } from './control.ts'
import { CONV } from './conv.ts'
import { ELEMENTWISE } from './elementwise.ts'
import { GENERATE } from './generate.ts'
import { INDEXING } from './indexing.ts'
import { LINEAR } from './linear.ts'
import { MOVEMENT } from './movement.ts'
import { NORM } from './norm.ts'
import { POOL } from './pool.ts'
import { QUANT } from './quant.ts'
import { RECURRENT } from './recurrent.ts'
import { REDUCE } from './reduce.ts'

import { SIGNAL } from './signal.ts'

export const BUILT_IN: readonly OpDef[] = [
  ...ATTENTION,
  ...CONTROL,
  ...CONV,
  ...ELEMENTWISE,
  ...GENERATE,
  ...INDEXING,
  ...LINEAR,
  ...MOVEMENT,
  ...NORM,
  ...POOL,
  ...QUANT,
  ...RECURRENT,
  ...REDUCE,
  ...SIGNAL,
]
