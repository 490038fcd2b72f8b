import type { Arguments, CommandContext } from '@pith/core'
import { bashCompletion, fishCompletion, zshCompletion } from '../command/completion.ts'
import { manifest } from '../manifest/index.ts'
import { installedRooms } from '../manifest/rooms.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const verbs = [manifest, ...(await installedRooms())].flatMap((room) => room.verbs)
  const script = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion }
  await context.stdout.write(script[args.operands[0] as keyof typeof script](verbs))
  return 0
}
