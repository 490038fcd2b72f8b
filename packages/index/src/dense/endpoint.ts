/** Requests to OpenAI-style endpoints. */
import { PithError, throwIfAborted } from '@pith/core'

/** Where a model is. */
export interface EndpointAddress {
  /** Address up to the version, such as `http://127.0.0.1:8080/v1`. */
  readonly url: string | URL
  /** Name of the model there. */
  readonly model: string
  /** Sent as a bearer token. */
  readonly apiKey?: string
  /** Times that a request is sent again after a refusal for the time being (429, 5xx, no connection), 0..10. Default 3. */
  readonly retries?: number
  /** Default the global one. */
  readonly fetch?: typeof fetch
}

/** Wait before the first repetition; each one waits twice as long as the one before. */
const WAIT_MS = 500
const MAX_ANSWER = 2 ** 28
const SHOWN = 300

/**
 * The answer to a POST of JSON.
 *
 * @throws PithError `PITH_NETWORK` · `PITH_ARG` what the endpoint refuses · `PITH_LIMIT` an answer above 256 MiB; the abort reason
 */
export async function askEndpoint(
  address: EndpointAddress,
  path: string,
  body: Readonly<Record<string, unknown>>,
  signal?: AbortSignal,
): Promise<unknown> {
  const { model, apiKey, retries = 3, fetch = globalThis.fetch } = address
  const url = `${String(address.url).replace(/\/+$/, '')}/${path}`
  const headers = {
    'content-type': 'application/json',
    ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
  }
  const request = { method: 'POST', headers, body: JSON.stringify({ model, ...body }), ...(signal && { signal }) }
  for (let attempt = 0; ; attempt++) {
    throwIfAborted(signal)
    let failure: PithError
    try {
      const response = await fetch(url, request)
      const text = await textOf(response)
      if (response.ok) return parsed(text)
      const isPassing = response.status === 429 || response.status >= 500
      failure = refusal(response.status, text)
      if (!isPassing) throw failure
    } catch (cause) {
      throwIfAborted(signal)
      if (cause instanceof PithError && cause.code !== 'PITH_NETWORK') throw cause
      if (cause instanceof PithError && /status 4/.test(cause.message)) throw cause
      failure =
        cause instanceof PithError
          ? cause
          : new PithError('PITH_NETWORK', `${url} cannot be reached`, { cause, hint: 'Check the address.' })
    }
    if (attempt >= retries) throw failure
    await pause(WAIT_MS * 2 ** attempt, signal)
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    function done(): void {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    signal?.addEventListener('abort', done)
  })
}

async function textOf({ body }: Response): Promise<string> {
  const reader = body?.getReader()
  const decoder = new TextDecoder()
  let text = ''
  for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
    text += decoder.decode(part.value, { stream: true })
    if (text.length <= MAX_ANSWER) continue
    await reader?.cancel()
    throw new PithError('PITH_LIMIT', `the answer is longer than ${MAX_ANSWER}`)
  }
  return text + decoder.decode()
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new PithError('PITH_NETWORK', 'the endpoint answered what is no JSON', { cause, hint: 'Check the address.' })
  }
}

function refusal(status: number, text: string): PithError {
  const message = `the endpoint answered with status ${status}: ${text.slice(0, SHOWN)}`
  if (status === 400 || status === 413 || status === 422) return new PithError('PITH_ARG', message)
  const hint =
    status === 401 || status === 403 ? 'Check the key.' : status === 404 ? 'Check address and model.' : 'Try again.'
  return new PithError('PITH_NETWORK', message, { hint })
}
