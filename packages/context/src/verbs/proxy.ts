/** `pith prompt proxy`. */
import { type Arguments, abortable, type CommandContext, numberOf, PithError } from '@pith/core'
import { type ProxyEvent, serveProxy } from '../proxy/node/index.ts'
import type { Joiner } from '../types.ts'

const DEFAULT_PORT = 8788

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const upstream = args.value('upstream')
  if (upstream === undefined) {
    throw new PithError('PITH_ARG', 'option --upstream is missing', {
      hint: 'Say where requests go: --upstream https://api.openai.com.',
    })
  }
  const dryRun = args.has('dry-run')
  const say = ({ path, report, problem }: ProxyEvent): void => {
    const saved = report === undefined ? 0 : report.originalTokens - report.tokens
    const what = problem ?? `${report?.originalTokens} tokens, ${saved} ${dryRun ? 'could be saved' : 'saved'}`
    void context.note(`${path}: ${what}`)
  }
  const host = args.value('host')
  const proxy = await serveProxy({
    ...{ upstream, dryRun, onRequest: say },
    port: args.has('port') ? numberOf(args, 'port', 0, 65535, true) : DEFAULT_PORT,
    joiner: (args.value('joiner') ?? 'ellipsis') as Joiner,
    ...(host === undefined ? {} : { host }),
    ...(args.has('rate') ? { rate: numberOf(args, 'rate', 0.01, 1, false) } : {}),
    ...(args.has('min-tokens') ? { minTokens: numberOf(args, 'min-tokens', 1, 1e9, true) } : {}),
  })
  try {
    if (context.json) await context.report({ url: proxy.url, upstream, dryRun })
    else await context.stdout.write(`${proxy.url} -> ${upstream}${dryRun ? ', dry run' : ''}\n`)
    await context.stdout.flush()
    await abortable(new Promise<never>(() => {}), context.signal)
  } finally {
    await proxy.close()
    const { requests, originalTokens, tokens, problems } = proxy.totals
    await context.note(
      `${requests} requests, ${originalTokens - tokens} of ${originalTokens} tokens saved, ${problems} passed on as they came`,
    )
  }
  return 0
}
