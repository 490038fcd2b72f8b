/** Rules for the Markdown files of the repository, and the code blocks in them. */
import type { Finding } from './style.ts'
import type { Tree } from './tree.ts'

/** What the rules need to know beside the texts. */
export interface Surroundings {
  /** Whether a path relative to a document's folder is there. */
  exists(file: string, target: string): boolean
  /** Names of the npm scripts. */
  readonly scripts: readonly string[]
}

/** A fenced block of a document. */
export interface Block {
  readonly file: string
  /** Line of the opening fence, from 1. */
  readonly line: number
  readonly language: string
  readonly text: string
}

const DECISION = /^docs\/decisions\/.*\.md$/
const DECISION_LINES = 60

/** Lines of a document with those inside fenced blocks made empty. */
function proseLines(text: string): string[] {
  let fenced = false
  return text.split('\n').map((line) => {
    const fence = line.startsWith('```')
    if (fence) fenced = !fenced
    return fenced || fence ? '' : line
  })
}

/** Every fenced block of a document, in order. */
export function listBlocks(file: string, text: string): Block[] {
  const blocks: Block[] = []
  let open: { line: number; language: string; lines: string[] } | undefined
  text.split('\n').forEach((line, index) => {
    if (!line.startsWith('```')) open?.lines.push(line)
    else if (open) {
      blocks.push({ file, line: open.line, language: open.language, text: `${open.lines.join('\n')}\n` })
      open = undefined
    } else open = { line: index + 1, language: line.slice(3).trim(), lines: [] }
  })
  return blocks
}

function checkLinks(file: string, text: string, around: Surroundings): Finding[] {
  const findings: Finding[] = []
  proseLines(text).forEach((line, index) => {
    for (const match of line.replaceAll(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)) {
      const target = (match[1] ?? '').split('#')[0] ?? ''
      if (target === '' || /^[a-z]+:/.test(target)) continue
      if (!around.exists(file, target))
        findings.push({ file, line: index + 1, rule: `link to ${target} leads nowhere` })
    }
  })
  return findings
}

function checkScripts(file: string, text: string, around: Surroundings): Finding[] {
  const findings: Finding[] = []
  text.split('\n').forEach((line, index) => {
    for (const match of line.matchAll(/\bnpm run ([a-z][a-z:-]*)/g)) {
      const name = match[1] ?? ''
      if (!around.scripts.includes(name))
        findings.push({ file, line: index + 1, rule: `there is no npm script ${name}` })
    }
  })
  return findings
}

/**
 * Check documents against the rules.
 *
 * @param documents  Markdown texts by path
 * @returns findings in the order of the documents
 */
export function checkDocuments(documents: Tree, around: Surroundings): Finding[] {
  const findings: Finding[] = []
  for (const [file, text] of documents) {
    findings.push(...checkLinks(file, text, around), ...checkScripts(file, text, around))
    const lines = text.trimEnd().split('\n').length
    if (DECISION.test(file) && lines > DECISION_LINES) {
      findings.push({ file, line: DECISION_LINES + 1, rule: `${lines} lines, at most ${DECISION_LINES}` })
    }
  }
  return findings
}

/**
 * Folders of sources that the map does not name.
 *
 * @param map    text of ARCHITECTURE.md
 * @param files  paths of all source files
 */
export function checkMap(map: string, files: readonly string[]): Finding[] {
  const folders = new Set(files.map((file) => file.slice(0, file.lastIndexOf('/'))))
  return [...folders]
    .filter((folder) => !map.includes(`\`${folder}/\``))
    .sort()
    .map((folder) => ({ file: 'ARCHITECTURE.md', line: 1, rule: `the map does not name ${folder}/` }))
}
