import { PithError } from '../errors.ts'
import { MAX_PATH_BYTES } from './layout.ts'

const DEVICES = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(?:[.:].*)?$/i

/**
 * Check that a path may stand in an archive: relative, parts divided by `/`, safe on every system.
 *
 * @returns the path
 * @throws PithError `PITH_ARG` an absolute path, an empty, `.` or `..` part (also between backslashes), NUL, a drive
 * letter, a device name of Windows, text that is no Unicode, more than 4,096 bytes of UTF-8
 */
export function checkPath(path: string): string {
  const why = reasonAgainst(path)
  if (why !== undefined) {
    throw new PithError('PITH_ARG', `the path ${JSON.stringify(path.slice(0, 80))} ${why}`, {
      hint: 'Use a relative path with / between its parts, without ".." and device names.',
    })
  }
  return path
}

function reasonAgainst(path: string): string | undefined {
  if (path === '') return 'is empty'
  if (!path.isWellFormed()) return 'is not Unicode text'
  if (new TextEncoder().encode(path).length > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`
  if (path.includes('\0')) return 'contains NUL'
  if (/^[/\\]/.test(path)) return 'is absolute'
  if (/^[A-Za-z]:/.test(path)) return 'starts with a drive letter'
  for (const part of path.split('/')) if (part === '') return 'has an empty part'
  for (const part of path.split(/[/\\]/)) {
    // Windows drops dots and spaces at the end of a name.
    const name = part.replace(/[. ]+$/, '')
    if (part === '.' || part === '..' || (part !== '' && name === '')) return `has the part ${JSON.stringify(part)}`
    if (DEVICES.test(part)) return `contains the device name ${JSON.stringify(part)}`
  }
  return undefined
}

/**
 * Check where a symbolic link at `path` points to: a relative target that at no step leaves the archive.
 *
 * @returns the target
 * @throws PithError `PITH_ARG`
 */
export function checkLink(path: string, target: string): string {
  checkPath(path)
  const refuse = (why: string): never => {
    throw new PithError('PITH_ARG', `the link ${JSON.stringify(path.slice(0, 80))} ${why}`, {
      hint: 'Only links to places within the archive are kept.',
    })
  }
  if (target === '' || target.includes('\0') || !target.isWellFormed()) refuse('has a target that is no path')
  if (new TextEncoder().encode(target).length > MAX_PATH_BYTES) refuse('has a target that is too long')
  if (/^[/\\]/.test(target) || /^[A-Za-z]:/.test(target)) refuse('points to an absolute path')
  let depth = path.split('/').length - 1
  let descended = false
  for (const part of target.split(/[/\\]/)) {
    if (part === '' || part === '.') continue
    if (part !== '..') descended = true
    else if (descended) refuse('has ".." behind a name, which may itself be a link')
    else depth--
    if (depth < 0) refuse('points out of the archive')
    if (DEVICES.test(part)) refuse('points to a device')
  }
  return target
}
