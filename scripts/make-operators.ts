/** Writes docs/operators.md from the registry of the engine: `npx node --conditions=pith-dev scripts/make-operators.ts`. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { renderOperators } from '../packages/engine/test/operators/table.ts'

writeFileSync(join(import.meta.dirname, '../docs/operators.md'), renderOperators())
