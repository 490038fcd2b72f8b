/** Files of JSON lines as rows. */
import { concatBytes, PithError, throwIfAborted } from '@pith/core'
import { fileSource } from '@pith/core/node'
import { JsonRows } from '../data/json-rows.ts'

/** Longest line that is read. */
const MAX_LINE_BYTES = 2 ** 26
const NEWLINE = 10

/**
 * Read a file of one JSON object a line.
 *
 * @param choose  what is taken of each row, of the keys of the first one; all else is passed over
 * @throws PithError `PITH_IO` · `PITH_LIMIT` a line above 64 MiB · as {@link JsonRows}
 */
export async function readJsonLines(
  path: string,
  choose: (keys: readonly string[]) => readonly string[],
  options: { signal?: AbortSignal } = {},
): Promise<JsonRows> {
  const rows = new JsonRows(choose)
  const file = await fileSource(path, options)
  try {
    let number = 0
    let open: Uint8Array[] = []
    let bytes = 0
    const end = (): void => {
      rows.add(open.length === 1 ? (open[0] as Uint8Array) : concatBytes(open), ++number)
      open = []
      bytes = 0
    }
    for await (const chunk of file.stream()) {
      throwIfAborted(options.signal)
      let start = 0
      for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, start)) {
        open.push(chunk.subarray(start, at))
        end()
        start = at + 1
      }
      // A copy: the stream may use its bytes again.
      open.push(chunk.slice(start))
      bytes += chunk.length - start
      if (bytes > MAX_LINE_BYTES) {
        throw new PithError('PITH_LIMIT', `line ${number + 1} of ${path} is longer than ${MAX_LINE_BYTES} bytes`)
      }
    }
    if (bytes > 0) end()
    return rows
  } finally {
    await file.close()
  }
}
