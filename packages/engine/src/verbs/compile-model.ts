/** From an imported model to a session. */
import { isPithError, PithError } from '@pith/core'
import type { Value } from '../ir/graph.ts'
import type { ImportedModel } from '../onnx/import.ts'
import type { Session } from '../runtime/backend.ts'
import { compile } from '../runtime/compile.ts'

/** Compile outputs; an error names the operators that the engine handed on without knowing them. @throws as `compile` */
export async function compileModel(
  model: ImportedModel,
  outputs: Readonly<Record<string, Value>> = model.outputs,
): Promise<Session> {
  try {
    return await compile(outputs)
  } catch (cause) {
    if (!isPithError(cause, 'PITH_MODEL') || model.opaque.length === 0) throw cause
    throw new PithError('PITH_MODEL', `the operator ${model.opaque.join(', ')} can not be run: ${cause.message}`, {
      cause,
      hint: cause.hint ?? 'Replace the operator by others.',
    })
  }
}
