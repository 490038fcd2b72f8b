import { isDamage, PithError, type Run } from '@pith/core'
import { verify } from '@pith/core/container'
import type { Segment } from './segment.ts'

/** Read a segment against its checksums and decode ids and documents. @returns the first damage, undefined for a sound segment */
export async function verifySegment(segment: Segment, run?: Run): Promise<PithError | undefined> {
  const report = await verify(segment.source, run ?? {})
  const [bad] = report.bad
  if (bad !== undefined) {
    const { code, message, ...at } = bad
    return new PithError(code, message, { at })
  }
  try {
    const ids = await segment.ids.all(run)
    for await (const _ of segment.documents.scan(ids, run)) run?.signal?.throwIfAborted()
  } catch (error) {
    if (isDamage(error)) return error
    throw error
  }
  return undefined
}
