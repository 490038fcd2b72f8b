/**
 * Logs and text, compressed and used in that form.
 *
 * @module
 */
export * from './logzip/index.ts'
