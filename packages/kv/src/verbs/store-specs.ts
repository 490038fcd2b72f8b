/** The verbs of prefix stores. */
import type { OptionSpec, VerbSpec } from '@pith/core'

const STORE: OptionSpec = {
  name: 'store',
  value: 'PLACE',
  completes: 'folder',
  summary: 'a folder or redis://HOST:PORT; default ~/.cache/pith/kv',
}

const ls: VerbSpec = {
  name: 'kv store ls',
  group: 'Caches',
  summary: 'list the chunks of a prefix store',
  details: [
    'A chunk is known by a hash of all tokens up to its end, of the model and of its owner: none of them is shown.',
  ],
  operands: [],
  options: [STORE],
  examples: [
    { line: 'pith kv store ls', what: 'key, coder and bytes of each chunk, and their sum' },
    { line: 'pith kv store ls --store redis://localhost:6379 --json', what: 'those on a server, for programs' },
  ],
  load: () => import('./store-ls.ts'),
}

const gc: VerbSpec = {
  name: 'kv store gc',
  group: 'Caches',
  summary: 'throw away what of a prefix store was not used for longest',
  details: [
    'Ends of texts go before their beginnings. What killed processes left half-written goes, too. A server throws away by itself.',
  ],
  operands: [],
  options: [STORE, { name: 'budget', value: 'SIZE', summary: 'bytes that may stay, such as 800MB; default 4GB' }],
  examples: [{ line: 'pith kv store gc --budget 500MB', what: 'the chunks that were used last stay' }],
  load: () => import('./store-gc.ts'),
}

const rm: VerbSpec = {
  name: 'kv store rm',
  group: 'Caches',
  summary: 'remove chunks of a prefix store',
  operands: [
    { name: 'KEY', summary: 'the beginning of a key, 4 digits or more', min: 0, max: Number.POSITIVE_INFINITY },
  ],
  options: [STORE, { name: 'all', summary: 'remove every chunk' }],
  examples: [
    { line: 'pith kv store rm 1f0a93c2', what: 'the chunk of that key, by all its coders' },
    { line: 'pith kv store rm --all', what: 'an empty store' },
  ],
  exits: [
    [0, 'done'],
    [1, 'failed, or no chunk has such a key'],
    [2, 'bad usage'],
    [130, 'interrupted'],
  ],
  load: () => import('./store-rm.ts'),
}

const verify: VerbSpec = {
  name: 'kv store verify',
  group: 'Caches',
  summary: 'read all chunks of a prefix store, and check them against their names',
  details: [
    'A chunk whose beginning is gone is out of reach, which is no damage. With --fix the bad ones and those out of reach are removed.',
  ],
  operands: [],
  options: [STORE, { name: 'fix', summary: 'remove what is bad or out of reach' }],
  examples: [{ line: 'pith kv store verify --fix', what: 'ends with 1 where something bad stays' }],
  load: () => import('./store-verify.ts'),
}

/** What works on stores. */
export const storeVerbs: readonly VerbSpec[] = [ls, gc, rm, verify]
