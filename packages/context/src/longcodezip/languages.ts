/** What is known of each language: its files, its comments, and which nodes of its grammar are functions, classes and blocks. */

/** Languages with a grammar. */
export type CodeLanguage =
  | 'typescript'
  | 'tsx'
  | 'javascript'
  | 'python'
  | 'go'
  | 'java'
  | 'rust'
  | 'c'
  | 'cpp'
  | 'kotlin'
  | 'ruby'
  | 'php'
  | 'c_sharp'

/** One language. */
export interface LanguageRules {
  readonly id: CodeLanguage
  readonly extensions: readonly string[]
  /** Begins a comment that ends with the line. */
  readonly comment: string
  readonly functions: ReadonlySet<string>
  /** Hold functions in their body. */
  readonly classes: ReadonlySet<string>
  /** Stand around a function or class and belong to it: exports, decorators, templates. */
  readonly wrappers: ReadonlySet<string>
  /** Hold statements. */
  readonly blocks: ReadonlySet<string>
  /** Stand before a function and belong to it. */
  readonly before: ReadonlySet<string>
  /** Whether a block must hold a statement. */
  readonly needsStatement?: boolean
}

const COMMENTS = ['comment', 'line_comment', 'block_comment', 'multiline_comment']

const of = (words: string): ReadonlySet<string> => new Set(words.split(' '))

const SCRIPT = {
  comment: '//',
  functions: of(
    'function_declaration generator_function_declaration method_definition arrow_function function_expression generator_function',
  ),
  classes: of('class_declaration abstract_class_declaration class internal_module module'),
  wrappers: of(
    'export_statement lexical_declaration variable_declaration variable_declarator expression_statement assignment_expression public_field_definition field_definition',
  ),
  blocks: of('statement_block class_body switch_body'),
  before: new Set([...COMMENTS, 'decorator']),
}

const C = {
  comment: '//',
  functions: of('function_definition'),
  classes: of(
    'class_specifier struct_specifier namespace_definition linkage_specification preproc_ifdef preproc_if preproc_else',
  ),
  wrappers: of('template_declaration declaration'),
  blocks: of('compound_statement field_declaration_list declaration_list'),
  before: new Set([...COMMENTS, 'attribute_declaration']),
}

const LANGUAGES: readonly LanguageRules[] = [
  { id: 'typescript', extensions: ['ts', 'mts', 'cts'], ...SCRIPT },
  { id: 'tsx', extensions: ['tsx'], ...SCRIPT },
  { id: 'javascript', extensions: ['js', 'mjs', 'cjs', 'jsx'], ...SCRIPT },
  {
    ...{ id: 'python', extensions: ['py', 'pyi'], comment: '#' },
    ...{
      functions: of('function_definition'),
      classes: of('class_definition'),
      wrappers: of('decorated_definition'),
      needsStatement: true,
    },
    ...{ blocks: of('block'), before: new Set(COMMENTS) },
  },
  {
    ...{ id: 'go', extensions: ['go'], comment: '//' },
    ...{ functions: of('function_declaration method_declaration'), classes: of('-'), wrappers: of('-') },
    ...{ blocks: of('block'), before: new Set(COMMENTS) },
  },
  {
    ...{ id: 'java', extensions: ['java'], comment: '//' },
    functions: of('method_declaration constructor_declaration compact_constructor_declaration static_initializer'),
    classes: of('class_declaration interface_declaration enum_declaration record_declaration enum_body_declarations'),
    ...{
      wrappers: of('-'),
      blocks: of('block class_body constructor_body interface_body enum_body switch_block'),
      before: new Set(COMMENTS),
    },
  },
  {
    ...{ id: 'rust', extensions: ['rs'], comment: '//' },
    ...{
      functions: of('function_item macro_definition'),
      classes: of('impl_item trait_item mod_item'),
      wrappers: of('-'),
    },
    ...{
      blocks: of('block declaration_list'),
      before: new Set([...COMMENTS, 'attribute_item', 'inner_attribute_item']),
    },
  },
  { id: 'c', extensions: ['c', 'h'], ...C },
  { id: 'cpp', extensions: ['cc', 'cpp', 'cxx', 'hpp', 'hh', 'hxx'], ...C },
  {
    ...{ id: 'kotlin', extensions: ['kt', 'kts'], comment: '//' },
    ...{
      functions: of('function_declaration secondary_constructor'),
      classes: of('class_declaration object_declaration companion_object'),
    },
    ...{ wrappers: of('-'), blocks: of('function_body class_body statements'), before: new Set(COMMENTS) },
  },
  {
    ...{ id: 'ruby', extensions: ['rb'], comment: '#' },
    ...{ functions: of('method singleton_method'), classes: of('class module singleton_class'), wrappers: of('-') },
    ...{ blocks: of('body_statement'), before: new Set(COMMENTS) },
  },
  {
    ...{ id: 'php', extensions: ['php'], comment: '//' },
    functions: of('function_definition method_declaration'),
    classes: of('class_declaration interface_declaration trait_declaration namespace_definition'),
    ...{ wrappers: of('-'), blocks: of('compound_statement declaration_list'), before: new Set(COMMENTS) },
  },
  {
    ...{ id: 'c_sharp', extensions: ['cs'], comment: '//' },
    functions: of('method_declaration constructor_declaration local_function_statement operator_declaration'),
    classes: of('class_declaration interface_declaration struct_declaration record_declaration namespace_declaration'),
    ...{ wrappers: of('-'), blocks: of('block declaration_list'), before: new Set(COMMENTS) },
  },
]

/** The language of a file by its name; undefined where there is no grammar for it. */
export function languageOf(path: string): LanguageRules | undefined {
  const extension = /\.([a-z]+)$/i.exec(path)?.[1]?.toLowerCase() ?? ''
  return LANGUAGES.find(({ extensions }) => extensions.includes(extension))
}

/** What is known of a language. */
export function rulesOf(id: CodeLanguage): LanguageRules {
  return LANGUAGES.find((rules) => rules.id === id) as LanguageRules
}
