/** Draw docs/terminal.svg: what a terminal shows when the commands below are typed, run for real on the sample. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

const root = join(import.meta.dirname, '..')
const COLUMNS = 104
const CHAR = 7.83
const LINE = 18
const MARGIN = 18

const COMMANDS: readonly string[] = [
  'xz -9e -k access.log',
  'pith compress --level max access.log && pith compress error.log',
  "ls -l access.log* | awk '{ print $5, $9 }'",
  "pith grep -c '\"GET /(cart|checkout)' access.log.pith",
  "pith grep -F '/.git/config' -m 2 access.log.pith",
  'pith templates --top 5 error.log.pith',
]

/** What the commands print, as lines with the typed ones marked. */
function record(): { typed: boolean; text: string }[] {
  const folder = mkdtempSync(join(tmpdir(), 'pith-terminal-'))
  try {
    cpSync(join(root, 'examples/sample'), folder, { recursive: true })
    const path = `${join(root, 'node_modules/.bin')}${delimiter}${process.env['PATH'] ?? ''}`
    const env = { ...process.env, PATH: path, COLUMNS: String(COLUMNS), NO_COLOR: '1' }
    return COMMANDS.flatMap((command) => {
      const output = execFileSync('bash', ['-c', `{ ${command}; } 2>&1`], { cwd: folder, env, encoding: 'utf8' })
      const lines = output.split('\n').slice(0, -1)
      return [{ typed: true, text: command }, ...lines.map((text) => ({ typed: false, text }))]
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function markup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function cut(text: string): string {
  return text.length > COLUMNS ? `${text.slice(0, COLUMNS - 1)}…` : text
}

/** The picture of a terminal with these lines. */
function draw(lines: readonly { typed: boolean; text: string }[]): string {
  const width = Math.ceil(COLUMNS * CHAR + 2 * MARGIN)
  const height = lines.length * LINE + 2 * MARGIN + 20
  const rows = lines.map(({ typed, text }, index) => {
    const y = MARGIN + 30 + index * LINE
    const shown = typed
      ? `<tspan fill="#7ee787">$</tspan> <tspan fill="#ffffff">${markup(cut(text))}</tspan>`
      : markup(cut(text))
    return `<text x="${MARGIN}" y="${y}" xml:space="preserve">${shown}</text>`
  })
  const dots = ['#ff5f56', '#ffbd2e', '#27c93f'].map(
    (fill, i) => `<circle cx="${MARGIN + 6 + i * 18}" cy="16" r="5.5" fill="${fill}"/>`,
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    '<title>A log is compressed, searched and summed up with pith</title>',
    '<rect width="100%" height="100%" rx="8" fill="#161b22"/>',
    ...dots,
    '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="13" fill="#c9d1d9">',
    ...rows,
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}

if (import.meta.main) writeFileSync(join(root, 'docs/terminal.svg'), draw(record()))
