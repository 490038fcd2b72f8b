import { type Arguments, PithError } from '@pith/core'

export async function run(args: Arguments): Promise<number> {
  throw new PithError('PITH_UNSUPPORTED', `no domain can be fitted yet, got ${args.operands[0]?.slice(0, 80)}`, {
    hint: 'Use pith compress: for logs it learns the profile from the log itself.',
  })
}
