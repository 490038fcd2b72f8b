/** The verbs that send caches. */
import type { VerbSpec } from '@pith/core'
import { MODEL, PROFILE, TEXT } from './options.ts'

const serve: VerbSpec = {
  name: 'kv serve',
  group: 'Caches',
  summary: 'make caches of texts and send them, chunk by chunk at any level',
  details: [
    'It answers POST /v1/kv with tokens or a text, GET /v1/kv/ID, GET /v1/kv/ID/CHUNK?level=L and GET /v1/profile/ID until it is ended; pith kv fetch asks it.',
    'Only this machine reaches it, unless --host names another address; it asks nobody who they are, and a cache is the text that it was made of.',
    'The model runs in a thread of its own. With --store, beginnings of texts that were read before are not read again; a store is a folder, or redis://HOST.',
    'With --throttle, chunks are sent as over a link whose bandwidth was measured: one JSON a line with t in seconds and mbps.',
  ],
  operands: [],
  options: [
    ...MODEL,
    PROFILE,
    { name: 'host', value: 'ADDRESS', summary: 'where to listen; default 127.0.0.1' },
    { name: 'port', value: 'N', summary: '0 is any that is free; default 8090' },
    { name: 'chunk', value: 'N', summary: 'tokens of a chunk; default 256' },
    { name: 'max-tokens', value: 'N', summary: 'tokens of a text at most; default the context of the model' },
    { name: 'store', value: 'PLACE', many: true, completes: 'folder', summary: 'keep prefixes there, nearest first' },
    { name: 'salt', value: 'TEXT', summary: 'a secret, without which the store shows nothing' },
    { name: 'throttle', value: 'FILE', completes: 'file', summary: 'measured bandwidths, also packed by gzip' },
    { name: 'trace', value: 'NAME', summary: 'which of them; default the first' },
  ],
  examples: [{ line: 'pith kv serve -m models/pith-recall --profile recall.kvp', what: 'at http://127.0.0.1:8090/' }],
  exits: [
    [1, 'failed'],
    [2, 'bad usage'],
    [130, 'ended, as by Ctrl-C'],
  ],
  load: () => import('./serve.ts'),
}

const fetch: VerbSpec = {
  name: 'kv fetch',
  group: 'Caches',
  summary: 'get the cache of a text from a server in time, and say how',
  details: [
    'The model must be that of the server. Each chunk comes at the level that keeps the time best, or is computed here from its tokens.',
    'plan looks at all that is left; paper is the rule of CacheGen; 1 to 4 and text are the same for all chunks.',
  ],
  operands: [{ name: 'URL', summary: 'the address of pith kv serve' }],
  options: [
    ...MODEL,
    ...TEXT,
    { name: 'within', value: 'SECONDS', summary: 'when all should be ready; default 1' },
    {
      name: 'controller',
      value: 'NAME',
      choices: ['plan', 'paper', 'text', '1', '2', '3', '4'],
      summary: 'how levels are chosen; default plan',
    },
  ],
  examples: [
    {
      line: 'pith kv fetch http://127.0.0.1:8090/ -m models/pith-recall --text doc.txt --within 2',
      what: 'time, bytes and levels',
    },
  ],
  load: () => import('./fetch.ts'),
}

export const streamVerbs: readonly VerbSpec[] = [serve, fetch]
