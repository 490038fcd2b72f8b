/** Checkpoints of trainings on disk. */
export { listCheckpoints, loadCheckpoint, type SaveOptions, saveCheckpoint } from './checkpoint.ts'
