import type { Arguments, CommandContext } from '@pith/core'
import { manPage } from '../command/man-page.ts'
import { manifest } from '../manifest/index.ts'
import { installedRooms } from '../manifest/rooms.ts'

export async function run(_args: Arguments, context: CommandContext): Promise<number> {
  const verbs = [manifest, ...(await installedRooms())].flatMap((room) => room.verbs)
  await context.stdout.write(manPage(manifest.summary, verbs))
  return 0
}
