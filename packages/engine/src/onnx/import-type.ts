/** Types and shapes that a file declares. */
import { PithError } from '@pith/core'
import { type DType, dtypeOfOnnx } from '../dtype.ts'
import type { Shape } from '../shape.ts'
import { type Spec, Tensor } from '../tensor.ts'
import type { GraphProto, TensorShapeProto, TypeProto, ValueInfoProto } from './proto.ts'

/** What declared types are read with. */
export interface Declared {
  readonly dims: Readonly<Record<string, number>>
  readonly f64: 'keep' | 'cast'
  /** Names of axes that were met without a length. */
  readonly unbound: Set<string>
}

/** The type that a value of the file has in the graph. */
export function castType(dtype: DType, f64: 'keep' | 'cast'): DType {
  return dtype === 'f64' && f64 === 'cast' ? 'f32' : dtype
}

/** A tensor in the type that it has in the graph. */
export function castTensor(tensor: Tensor, f64: 'keep' | 'cast'): Tensor {
  if (castType(tensor.dtype, f64) === tensor.dtype) return tensor
  return new Tensor(Float32Array.from(tensor.data as Float64Array), tensor.shape, 'f32')
}

/** The type and shape of a value. @throws PithError `PITH_MODEL` it is no tensor, of no known type, or of no known rank */
export function declaredSpec(info: ValueInfoProto, declared: Declared): Spec {
  const own = tensorSpec(info.type, declared)
  if (own !== undefined) return own
  const name = JSON.stringify((info.name ?? '').slice(0, 80))
  throw new PithError(
    'PITH_MODEL',
    `the value ${name} is declared as ${typeText(info.type)}, expected a tensor with a shape`,
    {
      hint: 'Give its type and shape as inputs of the import, if it is a tensor.',
    },
  )
}

/** Types and shapes of the values of a graph that declare them. */
export function declaredSpecs(graph: GraphProto, declared: Declared): Map<string, Spec> {
  const specs = new Map<string, Spec>()
  for (const info of [...(graph.valueInfo ?? []), ...(graph.output ?? [])]) {
    const own = tensorSpec(info.type, declared)
    if (own !== undefined) specs.set(info.name ?? '', own)
  }
  return specs
}

function tensorSpec(type: TypeProto | undefined, declared: Declared): Spec | undefined {
  const { elemType = 0, shape } = type?.tensorType ?? {}
  const dtype = dtypeOfOnnx(elemType)
  if (dtype === undefined || shape === undefined) return undefined
  return { dtype: castType(dtype, declared.f64), shape: readShape(shape, declared) }
}

function readShape(shape: TensorShapeProto, { dims, unbound }: Declared): Shape {
  return (shape.dim ?? []).map(({ dimValue, dimParam = '' }) => {
    if (dimValue !== undefined) {
      const length = Number(dimValue)
      if (length >= 0 && Number.isSafeInteger(length)) return length
      if (length === -1) return -1
      throw new PithError('PITH_MODEL', `an axis is declared with the length ${dimValue}`)
    }
    if (Object.hasOwn(dims, dimParam)) return checkLength(dimParam, dims[dimParam] as number)
    unbound.add(dimParam)
    return -1
  })
}

function checkLength(name: string, length: number): number {
  if (Number.isSafeInteger(length) && length >= 0) return length
  throw new PithError('PITH_ARG', `the axis ${name} must have a length >= 0, got ${length}`)
}

function typeText(type: TypeProto | undefined): string {
  if (type?.sequenceType !== undefined) return 'a sequence'
  if (type?.mapType !== undefined) return 'a map'
  if (type?.optionalType !== undefined) return 'an optional value'
  if (type?.sparseTensorType !== undefined) return 'a sparse tensor'
  const elemType = type?.tensorType?.elemType
  return elemType === undefined
    ? 'nothing'
    : `a tensor of type ${elemType}${type?.tensorType?.shape ? '' : ' without a shape'}`
}
