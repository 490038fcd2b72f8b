/** Checkpoints and data of trainings on disk. */
export { listCheckpoints, loadCheckpoint, type SaveOptions, saveCheckpoint } from './checkpoint.ts'
export { type ImageFolder, type ImageFolderOptions, openImageFolder } from './image-folder.ts'
