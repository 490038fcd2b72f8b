/** What caches of keys and values add to the `pith` command. */
import type { Manifest, OperandSpec, VerbSpec } from '@pith/core'
import { FORCE, MODEL, out, PRESET, PROFILE, TEXT, TEXTS, WINDOW } from './verbs/options.ts'
import { storeVerbs } from './verbs/store-specs.ts'
import { streamVerbs } from './verbs/stream-specs.ts'

const FILE: OperandSpec = { name: 'FILE', summary: 'a cache that pith kv encode wrote', completes: 'file' }

const profile: VerbSpec = {
  name: 'kv profile',
  group: 'Caches',
  summary: 'learn how the caches of a model are coded smallest',
  details: [
    'The texts are cut into windows. The first half of each is compressed, and the second half says what that costs: the step is the largest that costs no more than --damage.',
    'A profile belongs to one model and one tokenizer, and is learned once for them.',
  ],
  operands: [],
  options: [
    ...MODEL,
    ...TEXTS,
    PRESET,
    { name: 'damage', value: 'NATS', summary: 'nats a token that level 3 may cost on these texts; default 0.01' },
    ...WINDOW,
    out('FILE.kvp', 'where the profile goes'),
    FORCE,
  ],
  examples: [
    { line: 'pith kv profile -m models/pith-recall --text train.txt -o recall.kvp', what: 'for all later caches' },
  ],
  load: () => import('./verbs/profile.ts'),
}

const encode: VerbSpec = {
  name: 'kv encode',
  group: 'Caches',
  summary: 'compress the keys and values of a text',
  details: [
    'The model reads the text; what it keeps of it becomes a .pith file of which parts are read alone.',
    'Levels go from 1, small, to 4, near to exact; 3 is what the profile was learned for. Without --profile one is learned from the text itself and stands in the file.',
  ],
  operands: [],
  options: [
    ...MODEL,
    ...TEXT,
    PROFILE,
    PRESET,
    { name: 'level', value: 'LIST', summary: 'such as 3 or 1,2,3,4; default 3' },
    { name: 'chunk', value: 'N', summary: 'tokens that are read at least; default 256' },
    { name: 'sinks', value: 'N', summary: 'tokens at the start that are kept at 8 bits; default 4' },
    { name: 'apart', summary: 'name the profile by its hash instead of keeping it in the file' },
    out('FILE.pith', 'where the cache goes'),
    FORCE,
  ],
  examples: [
    { line: 'pith kv encode -m models/pith-recall --profile recall.kvp --text doc.txt -o doc.pith', what: 'one level' },
  ],
  load: () => import('./verbs/encode.ts'),
}

const decode: VerbSpec = {
  name: 'kv decode',
  group: 'Caches',
  summary: 'write the keys and values of a compressed cache, or part of them',
  details: [
    'Writes k.LAYER and v.LAYER, each [tokens, heads, width], with tokens and positions. Only what is asked for is read.',
  ],
  operands: [FILE],
  options: [
    PROFILE,
    { name: 'tokens', value: 'A:B', summary: 'tokens A to B - 1; default all' },
    { name: 'layers', value: 'LIST', summary: 'such as 0,3; default all' },
    { name: 'kind', value: 'KIND', choices: ['k', 'v'], summary: 'keys or values; default both' },
    { name: 'level', value: 'N', summary: 'which level; default the best of the file' },
    out('FILE.npz', 'where the arrays go'),
    FORCE,
  ],
  examples: [
    { line: 'pith kv decode doc.pith --tokens 0:256 --layers 0,3 --kind k -o k.npz', what: 'keys of two layers' },
  ],
  load: () => import('./verbs/decode.ts'),
}

const info: VerbSpec = {
  name: 'kv info',
  group: 'Caches',
  summary: 'show what a compressed cache or a profile holds',
  operands: [{ ...FILE, summary: 'a cache or a profile' }],
  options: [PROFILE],
  examples: [{ line: 'pith kv info doc.pith --json', what: 'model, shape, levels and their bytes' }],
  load: () => import('./verbs/info.ts'),
}

const verify: VerbSpec = {
  name: 'kv verify',
  group: 'Caches',
  summary: 'check all checksums of a compressed cache, and decode it at all its levels',
  operands: [FILE],
  options: [PROFILE],
  examples: [{ line: 'pith kv verify doc.pith', what: 'ends with 1 where something is bad' }],
  load: () => import('./verbs/verify.ts'),
}

const quant: VerbSpec = {
  name: 'kv quant',
  group: 'Caches',
  summary: 'measure what caches in few bits cost on a text',
  details: [
    'The first half of each window is rounded, the second half says what that costs: bits a number, nats a token with a 95 % interval, and the share of tokens that are foreseen alike.',
  ],
  operands: [],
  options: [
    ...MODEL,
    ...TEXT,
    { name: 'method', value: 'NAME', choices: ['gear', 'gear-l', 'kivi', 'kcvt', 'had-kivi'], summary: 'default all' },
    { name: 'bits', value: 'N', summary: 'bits of a rounded number; default 2, 3 and 4' },
    { name: 'group', value: 'N', summary: 'numbers that share a scale; default 64, or the width of a head' },
    { name: 'rank', value: 'N', summary: 'rank of what gear adds; default 4' },
    { name: 'sparse', value: 'X', summary: 'share of numbers that gear keeps apart; default 0.02' },
    ...WINDOW,
  ],
  examples: [{ line: 'pith kv quant -m models/pith-recall --text doc.txt --bits 2', what: 'all methods at 2 bits' }],
  load: () => import('./verbs/quant.ts'),
}

const evict: VerbSpec = {
  name: 'kv evict',
  group: 'Caches',
  summary: 'measure what it costs to keep a part of the tokens of a cache',
  details: [
    'Of the first half of each window a part is kept, and the second half says what that costs: bytes, nats a token with a 95 % interval, and the share of tokens that are foreseen alike. The last tokens of the first half judge what is worth keeping.',
    'uncomp and uncomp+ada (also called auto) need the entropies of the heads of the model. They are measured on the first third of the windows, or come from --profile; --out keeps them.',
    'A policy is safe where the whole interval is below --limit.',
  ],
  operands: [],
  options: [
    ...MODEL,
    ...TEXT,
    {
      name: 'policy',
      value: 'LIST',
      summary: 'some of streaming,h2o,snapkv,pyramidkv,adakv,uncomp,uncomp+ada,auto; default all',
    },
    {
      name: 'budget',
      value: 'LIST',
      summary: 'parts of the tokens, or tokens of each head; default 0.1,0.2,0.35',
    },
    { name: 'judges', value: 'N', summary: 'last tokens that judge; default 8' },
    { name: 'kernel', value: 'N', summary: 'neighbours whose worth is averaged; default 5' },
    { name: 'classes', value: 'N', summary: 'classes of heads of uncomp; default 2' },
    { name: 'staged', summary: 'uncomp drops tokens while it reads the prompt, too' },
    { name: 'bounded', summary: 'caches keep their size behind the prompt' },
    { ...PROFILE, summary: 'entropies of the model that --out kept' },
    ...WINDOW,
    { name: 'limit', value: 'NATS', summary: 'nats a token that are allowed; default 0.02' },
    out('FILE.json', 'where the entropies go'),
    FORCE,
  ],
  examples: [
    { line: 'pith kv evict -m models/pith-recall --text doc.txt', what: 'all policies at three budgets' },
    {
      line: 'pith kv evict -m models/pith-recall --text doc.txt --policy auto --budget 0.2 --json',
      what: 'the best one',
    },
  ],
  load: () => import('./verbs/evict.ts'),
}

const bench: VerbSpec = {
  name: 'kv bench',
  group: 'Caches',
  summary: 'measure which coding of caches is safe for a model and a text',
  details: [
    'Profiles are learned on the first third of the text; the rest is what is measured. Peers are q8 (8 bits and a scale a token), anchor (CacheGen as its paper has it) and released (as its authors published it, with its tables in each chunk, and static: with tables of the model).',
    'A coding is safe where the whole 95 % interval of what it costs is below --limit.',
    'A model whose tokenizer has the words for it, such as models/pith-recall, is also asked to copy, to look up, and to find codes in a story behind each coding; tasks that it cannot do with its whole cache are left out.',
  ],
  operands: [],
  options: [
    ...MODEL,
    ...TEXT,
    { name: 'presets', value: 'LIST', summary: 'such as q8,cachegen,pca; default all' },
    ...WINDOW,
    { name: 'rows', value: 'N', summary: 'rows of each task that is recalled; default 16, 0 for none' },
    { name: 'fit-windows', value: 'N', summary: 'windows that are learned from at most; default 12' },
    { name: 'limit', value: 'NATS', summary: 'nats a token that are allowed; default 0.02' },
    { name: 'plot', value: 'FILE.svg', completes: 'file', summary: 'where a plot of rate against loss goes' },
    {
      name: 'arrivals',
      value: 'FILE.svg',
      completes: 'file',
      summary: 'where a plot of time against bandwidth goes, for simulated links',
    },
    { name: 'html', value: 'FILE.html', completes: 'file', summary: 'where a page with both plots and the table goes' },
    { name: 'within', value: 'SECONDS', summary: 'when caches should be ready, for --arrivals; default 1' },
    FORCE,
  ],
  examples: [
    {
      line: 'pith kv bench -m models/pith-recall --text doc.txt --html bench.html',
      what: 'a table, a verdict and a page with plots',
    },
  ],
  load: () => import('./verbs/bench.ts'),
}

/** The verbs of caches of keys and values. */
export const manifest: Manifest = {
  room: '@pith/kv',
  summary: 'compress, measure and store caches of keys and values',
  cards: async () => (await import('./cards.ts')).cards,
  verbs: [profile, encode, decode, info, verify, quant, evict, bench, ...storeVerbs, ...streamVerbs],
}
