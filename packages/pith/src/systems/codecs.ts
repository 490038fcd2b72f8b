import { createRegistry, type Registry } from '@pith/core'

let registry: Registry | undefined

/** The codecs and cards of the rooms that always come with the command; each is imported when first used. */
export function codecs(): Registry {
  registry ??= createRegistry([
    { kind: 'codec', id: 'general', load: async () => (await import('@pith/core/general')).generalCodec },
    {
      kind: 'codec',
      id: 'logzip',
      load: async () => (await import('@pith/text/logzip')).logzipCodec,
      match: { text: true, endings: ['.log', '.jsonl', '.ndjson', '.out'] },
    },
    { kind: 'system', id: 'logzip', load: async () => (await import('@pith/text/logzip')).card },
    { kind: 'system', id: 'general', load: async () => (await import('@pith/core/general')).generalCard },
  ])
  return registry
}
