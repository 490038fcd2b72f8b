/** What prompts add to the `pith` command. */
import type { Manifest, OptionSpec, VerbSpec } from '@pith/core'
import { BUDGET, CLASSIFIER, FORCE, MAP, OUT, QUESTION, TEXT_FILE, TEXT_OPTIONS } from './verbs/options.ts'

const compress: VerbSpec = {
  ...{ name: 'prompt compress', group: 'Prompts', summary: 'cut a text to a number of tokens, exactly as it stands' },
  details: [
    'What matters for the question stays, or, without one, what says most. What is kept is never changed, and never cut within a word, a number, a link or a path; the budget is kept by counting the result (o200k_base).',
    'Nothing is written anywhere but where --output and --map say.',
  ],
  operands: [TEXT_FILE],
  options: [...TEXT_OPTIONS, CLASSIFIER, MAP, OUT, FORCE],
  examples: [
    { line: "pith prompt compress README.md --budget 25% -Q 'how is it installed'", what: 'a quarter of its tokens' },
    {
      line: 'pith prompt compress - --budget 2000tok --joiner marker --map out.json',
      what: 'with markers for what is gone',
    },
  ],
  load: () => import('./verbs/compress.ts'),
}

const explain: VerbSpec = {
  ...{ name: 'prompt explain', group: 'Prompts', summary: 'show what compress leaves out, and whether it pays' },
  details: [
    'What is gone is struck out, or stands in [- -] where there are no colours. Then it says what reading the text costs over some calls with and without compressing, also where the provider remembers prompts, and when not to compress.',
  ],
  operands: [TEXT_FILE],
  options: [
    ...TEXT_OPTIONS,
    CLASSIFIER,
    { name: 'html', value: 'FILE', completes: 'file', summary: 'write a page instead' },
    { name: 'calls', value: 'N', summary: 'calls that read the text; default 10' },
    { name: 'price', value: 'X', summary: 'of a million tokens; default 2' },
    { name: 'cached-price', value: 'X', summary: 'of a million tokens that the provider remembers; default a tenth' },
    FORCE,
  ],
  examples: [
    { line: "pith prompt explain README.md --budget 25% -Q 'how is it installed' --html out.html", what: 'a page' },
  ],
  load: () => import('./verbs/explain.ts'),
}

const retrieve: VerbSpec = {
  ...{ name: 'prompt retrieve', group: 'Prompts', summary: 'give back what compress left out' },
  operands: [{ name: 'ID', summary: 'ids of markers, or of the map', min: 1, max: 1000 }],
  options: [MAP, { name: 'text', value: 'FILE', completes: 'file', summary: 'the original' }],
  examples: [{ line: 'pith prompt retrieve k3xq7a --map out.json --text notes.md', what: 'one part' }],
  load: () => import('./verbs/retrieve.ts'),
}

const code: VerbSpec = {
  ...{ name: 'prompt code', group: 'Prompts', summary: 'cut code to what a question needs of it' },
  details: [
    'Functions are ranked by the question, and of the best the statements that matter stay, with signatures, decorators and ends, so that what is left still parses. A comment stands for what is gone.',
    'Of folders, files of TypeScript, JavaScript, Python, Go, Java, Rust, C, C++, Kotlin, Ruby, PHP and C# are read; hidden folders, node_modules and what builds make are not.',
  ],
  operands: [{ name: 'PATH', summary: 'files, or folders of them', min: 1, max: 10_000, completes: 'file' }],
  options: [
    BUDGET,
    QUESTION,
    {
      name: 'retention',
      value: 'SHARE',
      summary: 'of the functions that are looked into; default 1: whole ones as long as they fit',
    },
    {
      name: 'joiner',
      value: 'KIND',
      choices: ['none', 'ellipsis', 'marker'],
      summary: 'what the comments say: an ellipsis (none, ellipsis) or a marker',
    },
    { name: 'explain', summary: 'list the best functions on stderr' },
    OUT,
    FORCE,
  ],
  examples: [
    { line: "pith prompt code src -Q 'where are retries handled' --budget 4000tok", what: '4,000 tokens of code' },
  ],
  load: () => import('./verbs/code.ts'),
}

const RATE: OptionSpec = { name: 'rate', value: 'SHARE', summary: 'of the tokens of a text that stays; default 0.5' }

const proxy: VerbSpec = {
  ...{ name: 'prompt proxy', group: 'Prompts', summary: 'stand before a model and shorten what it is sent' },
  details: [
    'Requests to /chat/completions (OpenAI) and /messages (Anthropic) pass with what tools answered made shorter; system messages, the last message of the user, calls of tools and their schemas are never touched, and a message stays the same once it was sent. Answers come back byte for byte. Whatever goes wrong with a request, it goes on as it came.',
    'The answer says in x-pith-saved-tokens what was saved; /pith/stats has the sums, /pith/retrieve/ID what was left out. Texts are neither logged nor written.',
  ],
  operands: [],
  options: [
    { name: 'upstream', value: 'URL', summary: 'where requests go, such as https://api.openai.com' },
    { name: 'port', value: 'N', summary: 'default 8788; 0 is any free one' },
    { name: 'host', value: 'HOST', summary: 'default 127.0.0.1' },
    RATE,
    { name: 'min-tokens', value: 'N', summary: 'shorter texts stay as they are; default 400' },
    {
      name: 'joiner',
      value: 'KIND',
      choices: ['none', 'ellipsis', 'marker'],
      summary: 'what stands for a gap; default ellipsis',
    },
    { name: 'dry-run', summary: 'only report what could be saved' },
  ],
  examples: [{ line: 'pith prompt proxy --upstream https://api.openai.com --dry-run', what: 'what could be saved' }],
  load: () => import('./verbs/proxy.ts'),
}

const train: VerbSpec = {
  ...{ name: 'prompt train', group: 'Prompts', summary: 'train a small classifier that says which words stay' },
  details: [
    'From JSON lines of original and compressed texts, as a language model made them, or from texts alone, labelled by rules: words that only hold a sentence together go, and sentences that were just said. Whole texts are kept aside to measure on.',
    'The folder has model.onnx, tokenizer.json and config.json, for compress --model and for transformers.',
  ],
  operands: [
    { name: 'FILE', summary: 'texts, or .jsonl of original and compressed', min: 1, max: 100_000, completes: 'file' },
  ],
  options: [
    { name: 'steps', value: 'N', summary: 'updates; default 600' },
    { name: 'batch', value: 'N', summary: 'rows of an update; default 8' },
    { name: 'seed', value: 'N', summary: 'default 0' },
    {
      name: 'checkpoints',
      value: 'DIR',
      completes: 'folder',
      summary: 'keep what was learned there, and go on from it',
    },
    { ...OUT, value: 'DIR', completes: 'folder', summary: 'where the model goes' },
    FORCE,
  ],
  examples: [{ line: 'pith prompt train meetings/*.txt -o keep', what: 'for pith prompt compress --model keep' }],
  load: () => import('./verbs/train.ts'),
}

const mcp: VerbSpec = {
  ...{
    name: 'prompt mcp',
    group: 'Prompts',
    summary: 'offer compress, retrieve and count_tokens to a model',
    plain: true,
  },
  details: ['A server of the Model Context Protocol on standard input and output.'],
  ...{ operands: [], options: [] },
  examples: [{ line: 'pith prompt mcp', what: 'to be started by a client' }],
  load: () => import('./verbs/mcp.ts'),
}

const bench: VerbSpec = {
  ...{ name: 'prompt bench', group: 'Prompts', summary: 'measure on your own questions whether answers survive' },
  details: [
    'Each line of the file is {"question": …, "answers": […], "passages": [{"title": …, "text": …}]}. The passages of each are cut for its question, as compress --as passages does; an answer is kept where one of its strings stands in what is left, in letters of either case. No model is asked.',
  ],
  operands: [{ name: 'FILE.jsonl', summary: 'the rows; - is standard input', completes: 'file' }],
  options: [
    { name: 'ratio', value: 'LIST', summary: 'tokens over those that stay; default 5,10' },
    {
      ...{ name: 'background', value: 'WHAT' },
      summary: 'how common words are elsewhere: general (default), none, or a file of JSON lines with text or passages',
    },
  ],
  examples: [{ line: 'pith prompt bench questions.jsonl --ratio 5,10 --json', what: 'shares and intervals' }],
  load: () => import('./verbs/bench.ts'),
}

/** The verbs of prompts. */
export const manifest: Manifest = {
  room: '@pith/context',
  summary: 'prompts and code cut to a token budget',
  cards: async () => (await import('./cards.ts')).cards,
  verbs: [compress, code, explain, retrieve, bench, train, proxy, mcp],
}
