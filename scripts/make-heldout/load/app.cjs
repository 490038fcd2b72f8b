// A web application on Fastify with its Pino logger: node app.cjs PORT [pino|winston]. Its faults are real ones.
const fastify = require('/srv/app/node_modules/fastify')
const winston = require('/srv/app/node_modules/winston')
const fs = require('node:fs')
const dns = require('node:dns').promises
const [port, style] = [Number(process.argv[2]), process.argv[3] ?? 'pino']
const text = winston.createLogger({
  level: 'debug',
  format: winston.format.combine(
    winston.format.errors({ stack: true }),
    winston.format.timestamp(),
    style === 'winston'
      ? winston.format.printf(
          (i) =>
            `${i.timestamp} ${i.level.toUpperCase().padEnd(5)} [${i.module ?? 'http'}] ${i.message}${i.stack ? '\n' + i.stack : ''}`,
        )
      : winston.format.json(),
  ),
  transports: [new winston.transports.Console()],
})
const app = fastify({
  logger: style === 'pino' ? { level: 'debug' } : false,
  genReqId: () => require('node:crypto').randomUUID(),
  trustProxy: true,
  bodyLimit: 200000,
})
const carts = new Map()
const say = (request, level, fields, message) =>
  style === 'pino'
    ? request.log[level](fields, message)
    : text.log({ level, module: fields.module, message: `${message} ${request.id} ${JSON.stringify(fields)}` })
app.get('/api/:v/users/:id', async (request) => {
  const { id } = request.params
  say(
    request,
    'debug',
    {
      module: 'users',
      user: {
        id: Number(id),
        plan: ['free', 'team', 'firm'][id % 3],
        flags: { beta: id % 7 === 0, locale: ['de-DE', 'en-GB', 'pt-BR', 'ja-JP'][id % 4] },
      },
    },
    'user loaded',
  )
  if (id % 9 === 0) return JSON.parse(`{"id": ${id}, "name": }`)
  if (id % 11 === 0) return (await fs.promises.readFile(`/srv/app/avatars/${id}.png`)).length
  if (id % 13 === 0) return dns.lookup(`shard${id % 40}.users.example.invalid`)
  return { id }
})
app.get('/api/:v/carts/:id', async (request) => carts.get(request.params.id).lines.map((l) => l.price.toFixed(2)))
app.get('/api/:v/orders/:id', async (request) => {
  const n = Number(request.params.id)
  const lines = Array.from({ length: n % 5 }, (_, i) => ({
    sku: `SKU-${(((n + 7 * i) * 2654435761) % 2 ** 32).toString(16)}`,
    n: 1 + i,
    price: ((n * 37 + i) % 9999) / 100,
  }))
  say(
    request,
    n % 10 ? 'info' : 'warn',
    {
      module: 'orders',
      order: n,
      lines,
      total: lines.reduce((a, l) => a + l.n * l.price, 0),
      cache: n % 3 ? 'hit' : 'miss',
    },
    n % 10 ? 'order priced' : 'price list is stale',
  )
  return lines
})
app.get('/api/:v/items/:id', async (request, reply) => {
  if (request.params.id % 6 === 0) return reply.code(404).send({ error: 'no such item' })
  return { id: request.params.id }
})
app.post('/api/:v/:what', async (request) => {
  request.body.lines.push(1)
  return {}
})
app.get('/search', async (request) => {
  say(
    request,
    'info',
    {
      module: 'search',
      q: request.query.q,
      page: Number(request.query.page),
      ms: Number(process.hrtime.bigint() % 90000n) / 1000,
    },
    'query',
  )
  return []
})
if (style !== 'pino') {
  app.addHook('onResponse', async (request, reply) => {
    text.info({
      module: 'http',
      message: `${request.ip} ${request.method} ${request.url} ${reply.statusCode} ${reply.elapsedTime.toFixed(2)}ms "${request.headers['user-agent']}"`,
    })
  })
  app.addHook('onError', async (request, reply, error) => {
    text.error(error)
  })
}
setInterval(
  () =>
    style === 'pino'
      ? app.log.info({ memory: process.memoryUsage(), cpu: process.cpuUsage(), carts: carts.size }, 'heartbeat')
      : text.debug({ module: 'heartbeat', message: JSON.stringify(process.memoryUsage()) }),
  1000,
)
app.listen({ host: '127.0.0.1', port })
