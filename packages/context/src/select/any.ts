import type { RankContext } from '../safe/compress.ts'
import { linesOf } from '../safe/pieces.ts'
import type { Ranking } from '../types.ts'
import { generalBackground } from './background.ts'
import { isDiff, rankDiff } from './diff.ts'
import { isHtml, rankHtml } from './html.ts'
import { rankJson } from './json.ts'
import { isLog, rankLog } from './log.ts'
import { rankSentences } from './prose.ts'

/** Rank a text by what it looks like: JSON, a diff, a page, a log or other short lines, or sentences. */
export async function rankAny(text: string, { query = '' }: RankContext): Promise<Ranking> {
  const json = /^\s*[[{]/.test(text) ? rankJson(text, query, { background: await generalBackground() }) : undefined
  if (json !== undefined) return json
  if (isDiff(text)) return rankDiff(text, query)
  if (isHtml(text)) return rankHtml(text, query, { background: await generalBackground() })
  const lines = linesOf(text)
  const isOfLines = lines.length > 8 && text.length / lines.length < 160 && !isProse(text)
  if (isLog(text, lines) || isOfLines) return rankLog(text, query, lines)
  return rankSentences(text, query, { background: await generalBackground() })
}

/** Whether lines end where sentences do, or sentences run over them. */
function isProse(text: string): boolean {
  const sample = text.slice(0, 20_000)
  const words = sample.match(/\b[a-z]{2,}\b/g)?.length ?? 0
  const ends = sample.match(/[a-z)"'][.!?](?=\s)/g)?.length ?? 0
  return ends > 3 && words / ends < 60 && words * 4 > 0.5 * sample.replace(/\s+/g, '').length * 0.8
}
