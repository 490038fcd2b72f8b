/** The proxy under many streams at once. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { median } from '@pith/core'
import { type HttpListener, listenHttp, readBody } from '@pith/core/node/http'
import { type AcceptContext, costAtMost } from '../measure/accept.ts'

const STREAMS = 200
const PIECES = 20
/** Milliseconds between pieces, and between the beginnings of streams: all are open at once before the first one ends. */
const PAUSE = 40
const STAGGER = 2

interface Streamed {
  readonly first: number
  readonly body: string
}

/** An endpoint that streams what it was asked for, in pieces. */
async function endpoint(): Promise<HttpListener> {
  return await listenHttp(async (asked, response) => {
    const body = JSON.parse(new TextDecoder().decode(await readBody(asked, 1 << 26))) as {
      n: number
      messages: { content: string }[]
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const piece of pieces(body.n)) {
      response.write(piece)
      await new Promise((done) => setTimeout(done, PAUSE))
    }
    response.end()
  })
}

function pieces(n: number): string[] {
  return Array.from(
    { length: PIECES },
    (_, i) => `data: {"n": ${n}, "i": ${i}, "text": "${'token '.repeat(8)}é😀"}\n\n`,
  )
}

async function stream(url: string, body: string, agent: Agent): Promise<Streamed> {
  const start = performance.now()
  return await new Promise((resolve, reject) => {
    const asked = request(
      `${url}v1/chat/completions`,
      { method: 'POST', agent, headers: { 'content-type': 'application/json' } },
      (reply) => {
        let first = Number.NaN
        const parts: Buffer[] = []
        reply.on('data', (part: Buffer) => {
          if (parts.length === 0) first = performance.now() - start
          parts.push(part)
        })
        reply.on('end', () => resolve({ first, body: Buffer.concat(parts).toString() }))
        reply.on('error', reject)
      },
    )
    asked.on('error', reject)
    asked.end(body)
  })
}

async function all(url: string, bodies: readonly string[]): Promise<Streamed[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY })
  try {
    return await Promise.all(
      bodies.map(async (body, i) => {
        await new Promise((done) => setTimeout(done, STAGGER * i))
        return await stream(url, body, agent)
      }),
    )
  } finally {
    agent.destroy()
  }
}

/** `npm run accept -- context --only proxy` */
export async function acceptProxy(context: AcceptContext): Promise<void> {
  const behind = await endpoint()
  const [command, ...args] = [
    ...context.pith,
    'prompt',
    'proxy',
    '--upstream',
    behind.url,
    '--port',
    '0',
    '--json',
    '--quiet',
    '--rate',
    '0.4',
  ]
  const child = spawn(command as string, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const { url } = JSON.parse(line.toString()) as { url: string }
    const tool = Array.from(
      { length: 400 },
      (_, i) => `line ${i} of the output says that part ${i % 13} is done\n`,
    ).join('')
    const bodiesOf = (content: (n: number) => string): string[] =>
      Array.from({ length: STREAMS }, (_, n) =>
        JSON.stringify({
          n,
          stream: true,
          messages: [
            { role: 'tool', tool_call_id: 'a', content: content(n) },
            { role: 'user', content: 'which part is done' },
          ],
        }),
      )
    const [short, long] = [bodiesOf((n) => `short answer ${n}`), bodiesOf((n) => `${n} ${tool}`)]
    await all(url, short.slice(0, 20))
    const direct = await all(behind.url, short)
    const through = await all(url, short)
    const compressed = await all(url, long)
    for (const [name, streams] of [
      ['passed', through],
      ['compressed', compressed],
    ] as const) {
      const wrong = streams.filter(({ body }, n) => body !== pieces(n).join('')).length
      context.check(
        `${STREAMS} streams at once, ${name}: none lost or changed`,
        wrong === 0,
        `${wrong} of ${streams.length} differ`,
      )
    }
    const firsts = (streams: readonly Streamed[]): number => median(streams.map(({ first }) => first))
    costAtMost(context, 'ms that passing adds to the first piece, median', firsts(through) - firsts(direct), 30, 1)
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
    const peak = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024
    costAtMost(context, 'MiB of memory at most', peak, 300, 0)
    const stats = (await (await fetch(`${url}pith/stats`)).json()) as {
      originalTokens: number
      tokens: number
      problems: number
    }
    context.check('no request had to go on as it came', stats.problems === 0, String(stats.problems))
    context.say(
      `first piece: ${firsts(direct).toFixed(1)} ms direct, ${firsts(through).toFixed(1)} passed, ${firsts(compressed).toFixed(1)} compressed; ${stats.originalTokens - stats.tokens} of ${stats.originalTokens} tokens saved`,
    )
  } finally {
    child.kill('SIGTERM')
    await once(child, 'exit')
    await behind.close()
  }
}
