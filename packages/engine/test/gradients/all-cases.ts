/** All cases that gradients are checked with, by `domain:name` of the operator. */
import { ELEMENTWISE_CASES } from './elementwise-cases.ts'
import type { Cases } from './inputs.ts'
import { MOVEMENT_CASES } from './movement-cases.ts'
import { NETWORK_CASES } from './network-cases.ts'
import { SEQUENCE_CASES } from './sequence-cases.ts'

export const CASES: Cases = { ...ELEMENTWISE_CASES, ...MOVEMENT_CASES, ...NETWORK_CASES, ...SEQUENCE_CASES }
