/**
 * Everything that comes with the `pith` command, in one import.
 *
 * @module
 */
export * from '@pith/core'
export * from '@pith/text'
