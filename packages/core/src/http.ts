import { throwIfAborted } from './cancel.ts'
import { isPithError, PithError } from './errors.ts'
import { bytesAccess, type CountingAccess } from './source.ts'

/** How files of a web server are asked for. */
export interface HttpOptions {
  /** Sent with every request, for instance for authorisation. */
  headers?: Readonly<Record<string, string>>
  signal?: AbortSignal
  /** Largest file that is read whole from a server which does not serve ranges. Default 0: such a server is refused. */
  wholeBytes?: number
  /** Default the global `fetch`. */
  fetch?: typeof globalThis.fetch
}

/**
 * Random access to a file on a web server by ranges: one HEAD request at open, one ranged GET per read. `requests` and
 * `bytes` count what was asked for and received.
 *
 * @throws PithError `PITH_NETWORK` the server cannot be reached, answers with an error, does not serve ranges of a file above
 * `wholeBytes`, or the file changed since it was opened; the abort reason
 */
export async function httpSource(url: string | URL, options: HttpOptions = {}): Promise<CountingAccess> {
  const address = String(url)
  const name = address.split(/[?#]/)[0].slice(-80)
  const { headers = {}, signal, wholeBytes = 0, fetch = globalThis.fetch } = options
  let requests = 0
  let bytes = 0

  const request = async (method: string, extra: Record<string, string>, cancel?: AbortSignal): Promise<Response> => {
    throwIfAborted(cancel)
    requests++
    try {
      return await fetch(address, {
        method,
        headers: { ...headers, ...extra },
        // Parts of different versions of the file must not come from a cache.
        cache: 'no-store',
        ...(cancel === undefined ? {} : { signal: cancel }),
      })
    } catch (cause) {
      throwIfAborted(cancel)
      throw new PithError('PITH_NETWORK', `${name} cannot be reached`, {
        hint: 'Check the address and the connection; from a page, the server must allow its origin.',
        cause,
      })
    }
  }

  const head = await request('HEAD', {}, signal)
  if (!head.ok) throw badStatus(name, head.status)
  const declared = head.headers.get('content-length')
  const size = declared === null ? Number.NaN : Number(declared)
  const accept = head.headers.get('accept-ranges')

  /** The file by one request, as random access. */
  const readWhole = async (): Promise<CountingAccess> => {
    // Without a length, what comes decides.
    if (wholeBytes === 0 || size > wholeBytes) throw noRanges(name)
    const answer = await request('GET', {}, signal)
    if (!answer.ok) throw badStatus(name, answer.status)
    const whole = await readBody(answer, Number.isSafeInteger(size) ? size : wholeBytes, name, signal)
    bytes += whole.length
    return Object.defineProperties(bytesAccess(whole) as CountingAccess, {
      requests: { get: () => requests },
      bytes: { get: () => bytes },
    })
  }
  if (!(Number.isSafeInteger(size) && size >= 0) || accept?.toLowerCase() === 'none') return await readWhole()
  const version = head.headers.get('etag') ?? head.headers.get('last-modified')

  const readRange = async (offset: number, length: number, cancel?: AbortSignal): Promise<Uint8Array> => {
    const answer = await request('GET', { range: `bytes=${offset}-${offset + length - 1}` }, cancel)
    if (answer.status !== 206) {
      await answer.body?.cancel().catch(() => {})
      throw answer.ok ? noRanges(name) : badStatus(name, answer.status)
    }
    const now = answer.headers.get('etag') ?? answer.headers.get('last-modified')
    if (version !== null && now !== null && now !== version) {
      await answer.body?.cancel().catch(() => {})
      throw changed(name)
    }
    const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(answer.headers.get('content-range') ?? '')
    // Pages see this header of other origins only where the server exposes it.
    if (range !== null && (Number(range[1]) !== offset || (range[3] !== '*' && Number(range[3]) !== size))) {
      await answer.body?.cancel().catch(() => {})
      throw changed(name)
    }
    const chunk = await readBody(answer, length, name, cancel)
    bytes += chunk.length
    if (chunk.length !== length) {
      throw new PithError('PITH_NETWORK', `${name} gave ${chunk.length} of ${length} bytes at ${offset}`, {
        hint: 'Try again.',
        at: { offset },
      })
    }
    return chunk
  }

  // A server that is silent about ranges is asked for one byte, so that it is refused at once and not in the middle.
  if (accept === null && size > 0) {
    try {
      await readRange(0, 1, signal)
    } catch (error) {
      if (wholeBytes === 0 || !isPithError(error, 'PITH_NETWORK')) throw error
      return await readWhole()
    }
  }

  return {
    size,
    remote: true,
    get requests() {
      return requests
    },
    get bytes() {
      return bytes
    },
    async read(offset, length, read) {
      const cancel = read?.signal ?? signal
      throwIfAborted(cancel)
      if (!(offset >= 0 && length >= 0)) throw new PithError('PITH_ARG', `no range: ${length} bytes at ${offset}`)
      const wanted = Math.min(length, size - offset)
      return wanted <= 0 ? new Uint8Array(0) : await readRange(offset, wanted, cancel)
    },
  }
}

async function readBody(answer: Response, length: number, name: string, signal?: AbortSignal): Promise<Uint8Array> {
  const reader = answer.body?.getReader()
  if (reader === undefined) return new Uint8Array(0)
  let into = new Uint8Array(Math.min(length, 1 << 20))
  let at = 0
  try {
    for (;;) {
      const step = await reader.read()
      if (step.done) return into.subarray(0, at)
      if (at + step.value.length > length) {
        await reader.cancel().catch(() => {})
        throw new PithError('PITH_NETWORK', `${name} gave more than the ${length} bytes that were asked for`)
      }
      if (at + step.value.length > into.length) {
        const grown = new Uint8Array(Math.min(length, Math.max(2 * into.length, at + step.value.length)))
        grown.set(into.subarray(0, at))
        into = grown
      }
      into.set(step.value, at)
      at += step.value.length
    }
  } catch (cause) {
    if (cause instanceof PithError) throw cause
    throwIfAborted(signal)
    throw new PithError('PITH_NETWORK', `the connection broke while ${name} was read`, { hint: 'Try again.', cause })
  }
}

function noRanges(name: string): PithError {
  return new PithError('PITH_NETWORK', `the server of ${name} does not serve parts of it`, {
    hint: 'Download the whole file first, or put it on a server that answers range requests.',
  })
}

function badStatus(name: string, status: number): PithError {
  return new PithError('PITH_NETWORK', `${name} was answered with status ${status}`, {
    hint: status === 401 || status === 403 ? 'Check the authorisation.' : 'Check the address.',
  })
}

function changed(name: string): PithError {
  return new PithError('PITH_NETWORK', `${name} changed while it was read`, { hint: 'Open it again.' })
}
