/** All operators that are known from the start, by family. */
import type { OpDef } from '../registry.ts'
import { CONV } from './conv.ts'
import { ELEMENTWISE } from './elementwise.ts'
import { GENERATE } from './generate.ts'
import { INDEXING } from './indexing.ts'
import { LINEAR } from './linear.ts'
import { MOVEMENT } from './movement.ts'
import { NORM } from './norm.ts'
import { POOL } from './pool.ts'
import { REDUCE } from './reduce.ts'

export const BUILT_IN: readonly OpDef[] = [
  ...CONV,
  ...ELEMENTWISE,
  ...GENERATE,
  ...INDEXING,
  ...LINEAR,
  ...MOVEMENT,
  ...NORM,
  ...POOL,
  ...REDUCE,
]
