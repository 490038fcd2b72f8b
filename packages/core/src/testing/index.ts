/**
 * The tests that every codec gets by registering once. Needs vitest and fast-check, which a package has for its own tests.
 *
 * @module
 */
export { anyBytes, cutInto, EDGE_BYTES, noiseBytes } from './byte-inputs.ts'
export { describeSystem, type SystemContract, type SystemLimits } from './describe-system.ts'
export { HeldEntry } from './held-entry.ts'
export { type Mutation, mutations } from './mutations.ts'
export { collectBytes, type Packed, type PackInto, packEntry, unpackEntry } from './round-trip.ts'
export { type RunningVerb, startVerb, type VerbInput, type VerbOptions, type VerbOutcome } from './verbs.ts'
