/** Which room may import which, as rules for dependency-cruiser. */
import { cruise, type ICruiseResult, type IFlattenedRuleSet, type IResolveOptions } from 'dependency-cruiser'

/** What each room may import beside itself. `pith` finds rooms above core and text at run time, by their manifests. */
export const ARROWS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  engine: ['core'],
  lm: ['core', 'engine'],
  text: ['core', 'engine'],
  index: ['core', 'engine'],
  signal: ['core', 'engine'],
  kv: ['core', 'engine', 'lm'],
  context: ['core', 'engine', 'lm'],
  weights: ['core', 'engine', 'lm'],
  eval: ['core', 'engine', 'lm', 'text', 'index', 'signal', 'kv', 'context', 'weights'],
  pith: ['core', 'text'],
}

/** Rooms whose folders are systems; the folders of the other rooms are parts of one whole. */
const ROOMS_OF_SYSTEMS = 'text|index|signal|kv|context|weights|eval'

/** Folders that are above the systems of their room: they command, compare and combine them, and send what they make. */
const ABOVE_SYSTEMS =
  '^packages/[^/]+/src/(verbs|measure|stream|store|domain-adaptation|serve|adapters|proxy|mcp|middleware)/'

/** Folders that the systems of their room stand on. */
const BELOW_SYSTEMS = 'node|wasm|lexical|sparse|dense|pq|metrics|readers|safe|select'

/** Where Node's modules may be used. */
const NODE_PLACES = [
  '^packages/pith/(src|bin)/',
  '^packages/.*/node/',
  // What rooms add to the command.
  '^packages/[^/]+/src/(verbs/|manifest[.]ts$)',
  '[.]node[.]ts$',
  '^packages/[^/]+/test/',
  '^(scripts|benchmarks|examples|apps)/',
  '[.](test|bench)[.]ts$',
  '[.]config[.]ts$',
]

/** One arrow that points the wrong way. */
export interface Violation {
  readonly rule: string
  readonly from: string
  readonly to: string
}

function rules(): IFlattenedRuleSet {
  const rooms = Object.entries(ARROWS).map(([room, allowed]) => {
    const others = Object.keys(ARROWS).filter((other) => other !== room && !allowed.includes(other))
    return {
      name: `room-${room}`,
      severity: 'error' as const,
      from: { path: `^packages/${room}/`, pathNot: '[.]bench[.]ts$' },
      to: {
        path: [`(^|/)packages/(${others.join('|')})/`, `^(node_modules/)?@pith/(${others.join('|')})(/|$)`, '^apps/'],
      },
    }
  })
  return {
    forbidden: [
      ...rooms,
      {
        name: 'systems-apart',
        severity: 'error',
        from: { path: `^packages/(${ROOMS_OF_SYSTEMS})/src/([^/]+)/`, pathNot: ABOVE_SYSTEMS },
        to: {
          path: '^packages/$1/src/[^/]+/',
          pathNot: ['^packages/$1/src/$2/', `^packages/$1/src/(${BELOW_SYSTEMS})/`],
        },
      },
      {
        name: 'node-in-its-place',
        severity: 'error',
        from: { pathNot: NODE_PLACES },
        to: { dependencyTypes: ['core'] },
      },
      {
        name: 'web-code-without-node-folders',
        severity: 'error',
        from: { path: '^packages/', pathNot: NODE_PLACES },
        to: { path: '^packages/(.*/node/|[^/]+/src/verbs/)', dependencyTypesNot: ['type-only'] },
      },
      {
        name: 'resolvable',
        severity: 'error',
        from: { pathNot: '^scripts/make-heldout/' },
        to: { couldNotResolve: true },
      },
      {
        name: 'no-tests-in-code',
        severity: 'error',
        from: { pathNot: '([.](test|bench)[.]ts|/test/.*)$' },
        to: { path: '[.]test[.]ts$' },
      },
    ],
  }
}

const RESOLVE = {
  exportsFields: ['exports'],
  // Without `node`: where an import depends on the platform, the web's side counts.
  conditionNames: ['pith-dev', 'import', 'default'],
  extensions: ['.ts', '.js', '.json'],
} as unknown as Partial<IResolveOptions>

/**
 * Check the arrows of a source tree.
 *
 * @param baseDir  root of the tree, which holds `packages` and `node_modules`
 * @returns the violations, sorted by place, and the number of modules that were read
 */
export async function checkArrows(
  baseDir: string,
  folders: readonly string[],
): Promise<{ violations: Violation[]; modules: number }> {
  const result = await cruise(
    [...folders],
    {
      baseDir,
      ruleSet: rules(),
      validate: true,
      parser: 'swc',
      tsPreCompilationDeps: true,
      doNotFollow: { path: 'node_modules' },
      exclude: { path: '(^|/)(dist|golden|corpus|asm)/' },
    },
    RESOLVE,
  )
  const output = result.output as ICruiseResult
  const violations = output.summary.violations.map((v) => ({ rule: v.rule.name, from: v.from, to: v.to }))
  violations.sort((a, b) => (a.from + a.to < b.from + b.to ? -1 : 1))
  return { violations, modules: output.summary.totalCruised }
}
