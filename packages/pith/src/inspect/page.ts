import { PithError } from '@pith/core'
import type { FileParts } from './model.ts'

/** The page that `pith inspect --html` writes. @throws PithError `PITH_UNSUPPORTED` */
export function inspectPage(_parts: FileParts): string {
  throw new PithError('PITH_UNSUPPORTED', 'pages are not drawn yet', { hint: 'Leave --html out, or use --json.' })
}
