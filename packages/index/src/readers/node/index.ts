/** Collections in files and folders. */
export { openCollection } from './open-collection.ts'
export type { CollectionOptions } from './read-file.ts'
