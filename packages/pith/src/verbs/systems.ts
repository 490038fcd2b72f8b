import { type Arguments, type CommandContext, PithError, type SystemCard } from '@pith/core'
import { nearest } from '../command/nearest.ts'
import { installedRooms } from '../manifest/rooms.ts'
import { codecs } from '../systems/codecs.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const cards = await allCards()
  const [id] = args.operands
  const shown = id === undefined ? cards : cards.filter((card) => card.id === id)
  if (id !== undefined && shown.length === 0) {
    const near = nearest(
      id,
      cards.map((card) => card.id),
    )
    throw new PithError('PITH_ARG', `there is no system ${id.slice(0, 80)}`, {
      hint: near === undefined ? 'See pith systems.' : `Did you mean ${near}?`,
    })
  }
  if (context.json) {
    await context.report({ systems: shown })
    return 0
  }
  const width = Math.max(...cards.map((card) => card.id.length)) + 2
  for (const card of shown) {
    await context.stdout.write(id === undefined ? `${card.id.padEnd(width)}${card.title}\n` : details(card))
  }
  return 0
}

/** Cards of the rooms that always come with the command, and of those that are installed, by their ids. */
async function allCards(): Promise<SystemCard[]> {
  const registry = codecs()
  const own = await Promise.all(registry.ids('system').map((id) => registry.load('system', id)))
  const others = await Promise.all((await installedRooms()).map(async (room) => (await room.cards?.()) ?? []))
  return [...own, ...others.flat()].sort((a, b) => (a.id < b.id ? -1 : 1))
}

function details(card: SystemCard): string {
  const { paper } = card
  const source = paper?.arxiv === undefined ? paper?.doi : `arXiv ${paper.arxiv}`
  const lines = [`${card.id}: ${card.title}`, card.summary]
  if (paper !== undefined)
    lines.push(`Paper: ${paper.title}, ${paper.year}${source === undefined ? '' : `, ${source}`}`)
  lines.push('Use it as:', ...card.entryPoints.map((entry) => `  ${entry}`))
  if (card.differences.length > 0) lines.push('Differs from the paper:', ...card.differences.map((text) => `  ${text}`))
  lines.push(card.benchmark === undefined ? 'Benchmark: none' : `Benchmark: npm run bench -- ${card.benchmark}`)
  return `${lines.join('\n')}\n`
}
