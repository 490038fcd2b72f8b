import type { Run } from '@pith/core'
import type { LexicalBuilder } from '../lexical/index.ts'
import type { PartWriter, SegmentPlan } from './segment.ts'
import type { IndexSettings } from './settings.ts'

/** The parts that the settings of an index ask for, ready to take the documents of a segment. */
export async function planSegment(settings: IndexSettings, run?: Run): Promise<SegmentPlan> {
  const parts: Record<string, PartWriter> = {}
  if (settings.lexical !== undefined) {
    const { LexicalBuilder, writeLexical } = await import('../lexical/index.ts')
    const builder: LexicalBuilder = new LexicalBuilder(settings.lexical)
    parts['lexical'] = {
      add: (document) => {
        builder.add(document)
      },
      async finish(sections) {
        await writeLexical(builder, sections, 'lexical/', run)
        return {}
      },
    }
  }
  return { settings, parts }
}
