/** Inputs become constants, and constants inputs. */
import { PithError } from '@pith/core'
import { sameShape } from '../../shape.ts'
import { type Params, specText } from '../../tensor.ts'
import { type Program, type Rebuilt, rebuild } from './rebuild.ts'

/**
 * Turn inputs into constants of their names, as for a file whose weights are initialisers.
 *
 * @throws PithError `PITH_ARG` there is no such input · `PITH_SHAPE` a tensor of another type or shape
 */
export function bind(program: Program, params: Params): Rebuilt {
  const names = new Set(program.graph.inputs.map((value) => value.name))
  for (const name of Object.keys(params)) {
    if (!names.has(name)) throw new PithError('PITH_ARG', `the program has no input ${JSON.stringify(name)}`)
  }
  const inputs = new Set(program.graph.inputs)
  const value: Parameters<typeof rebuild>[1] = {
    value: (old, graph) => {
      const tensor =
        inputs.has(old) && old.name !== undefined && Object.hasOwn(params, old.name) ? params[old.name] : undefined
      if (tensor === undefined) return undefined
      const suits = tensor.dtype === old.dtype && tensor.shape.length === old.shape.length
      const fits = suits && (old.shape.includes(-1) || sameShape(tensor.shape, old.shape))
      if (!fits) {
        throw new PithError('PITH_SHAPE', `${old.name}: ${specText(tensor)} is given for the input ${specText(old)}`)
      }
      const constant = graph.constant(tensor)
      constant.name ??= old.name
      return constant
    },
  }
  const rest = rebuild(program, value)
  const bound = new Set(Object.keys(params))
  const left = rest.graph.inputs.filter((input) => !bound.has(input.name ?? ''))
  // Inputs that nothing needs are bound too.
  rest.graph.inputs.splice(0, rest.graph.inputs.length, ...left)
  return rest
}

/**
 * Turn named constants into inputs, so that they can be trained or given at a run.
 *
 * @param isFree which of the names; default all
 * @returns the program, and the constants by name
 */
export function lift(program: Program, isFree: (name: string) => boolean = () => true): Rebuilt & { params: Params } {
  const params: Params = {}
  const rebuilt = rebuild(program, {
    value: (old, graph) => {
      if (old.graph !== program.graph || old.data === undefined || old.name === undefined) return undefined
      if (!isFree(old.name)) return undefined
      params[old.name] = old.data
      return graph.input(old.name, old.dtype, old.shape)
    },
  })
  return { ...rebuilt, params }
}
