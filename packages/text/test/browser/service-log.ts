import { randomWords } from '../../../../benchmarks/generate-log.ts'

const PATHS = ['/cart', '/items', '/login', '/orders', '/search', '/users']
const HOSTS = ['api-1', 'api-2', 'edge-7', 'worker-3']

/** A log of a service with random ids, addresses and durations; the same seed gives the same bytes. */
export function serviceLog(bytes: number, seed: number): Uint8Array<ArrayBuffer> {
  const word = randomWords(seed)
  const pick = (list: readonly string[]): string => list[word() % list.length] as string
  const hex = (): string => word().toString(16).padStart(8, '0')
  const lines: string[] = []
  let time = Date.UTC(2026, 10, 23)
  for (let length = 0; length < bytes; ) {
    time += word() % 400
    const at = new Date(time).toISOString()
    const client = `198.51.${word() % 256}.${word() % 256}`
    const kind = word() % 20
    const what =
      kind < 12
        ? `INFO request id=${hex()}${hex()} client=${client} GET ${pick(PATHS)}/${word() % 100_000} 200 ${word() % 900} ms`
        : kind < 17
          ? `DEBUG cache lookup key=user:${word() % 50_000} hit=${word() % 3 > 0} size=${word() % 65_536}`
          : kind < 19
            ? `WARN retry ${word() % 5} of ${pick(HOSTS)} after timeout, trace ${hex()}`
            : `ERROR connection to ${client} lost: reset by peer (errno ${word() % 120})`
    lines.push(`${at} ${pick(HOSTS)} ${what}\n`)
    length += (lines.at(-1) as string).length
  }
  return new TextEncoder().encode(lines.join(''))
}
