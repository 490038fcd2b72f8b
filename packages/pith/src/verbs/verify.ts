import { PithError } from '@pith/core'

export async function run(): Promise<number> {
  throw new PithError('PITH_UNSUPPORTED', 'pith verify is not there yet')
}
