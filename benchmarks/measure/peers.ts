/** The compressors that a user would pick instead, at the settings under which they are measured. */
import { execFileSync } from 'node:child_process'

export interface Peer {
  /** Name with its settings, as tables show it. */
  readonly name: string
  readonly tool: string
  /** Command that reads standard input and writes standard output. */
  readonly compress: readonly string[]
  readonly decompress: readonly string[]
}

function peer(name: string, tool: string, compress: string, decompress: string): Peer {
  return { name, tool, compress: [tool, ...compress.split(' ')], decompress: [tool, ...decompress.split(' ')] }
}

export const XZ: Peer = peer('xz -9e', 'xz', '-9e -T1 -c', '-dc -T1')
export const ZSTD: Peer = peer(
  'zstd --ultra -22 --long=27',
  'zstd',
  '--ultra -22 --long=27 -T1 -q -c',
  '-dc --long=27 -q',
)
export const BROTLI: Peer = peer('brotli -q 11 -w 24', 'brotli', '-q 11 -w 24 -c', '-dc')
export const BZIP2: Peer = peer('bzip2 -9', 'bzip2', '-9 -c', '-dc')
export const GZIP9: Peer = peer('gzip -9', 'gzip', '-9 -c', '-dc')
export const GZIP6: Peer = peer('gzip -6', 'gzip', '-6 -c', '-dc')
export const ZSTD3: Peer = peer('zstd -3', 'zstd', '-3 -T1 -q -c', '-dc -q')

/** First version number that the tool names, such as `5.4.1`. */
export function versionOf(tool: string): string {
  const text = execFileSync(tool, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  return /\d+(\.\d+)+/.exec(text)?.[0] ?? text.split('\n')[0]!.slice(0, 40)
}
