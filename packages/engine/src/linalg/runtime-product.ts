/** Products of large matrices by onnxruntime. */
import { isPithError } from '@pith/core'
import { onnxType } from '../dtype.ts'
import { ATTRIBUTE_TYPE, type ModelProto, type ValueInfoProto } from '../onnx/proto.ts'
import { writeModel } from '../onnx/write.ts'
import type { Backend, Session, SessionOptions } from '../runtime/backend.ts'
import { loadRuntime } from '../runtime/load.ts'
import { Tensor } from '../tensor.ts'
import type { Matrix, Reals } from './matrix.ts'

/** How the factors of a product are taken. */
export interface ProductOptions {
  /** Take the transpose of the first factor. */
  ta?: boolean
  /** Take the transpose of the second factor. */
  tb?: boolean
}

/**
 * What multiplies large matrices. Both factors have one precision, and so has the result.
 *
 * @returns op(a) op(b), where op transposes as the options say
 */
export type Product = <D extends Reals>(a: Matrix<D>, b: Matrix<D>, options: ProductOptions) => Promise<Matrix<D>>

/** Products on a backend; it keeps one small session for each precision and way of transposing, whatever the sizes. */
export function runtimeProduct(backend: Backend, options: Pick<SessionOptions, 'threads'> = {}): Product {
  const sessions = new Map<string, Promise<Session>>()
  return async <D extends Reals>(a: Matrix<D>, b: Matrix<D>, { ta = false, tb = false }: ProductOptions) => {
    const dtype = a.data instanceof Float32Array ? 'f32' : 'f64'
    const key = `${dtype} ${ta} ${tb}`
    let session = sessions.get(key)
    if (session === undefined) {
      session = backend.create(writeModel(gemmModel(onnxType(dtype), ta, tb)), options)
      sessions.set(key, session)
    }
    const rows = ta ? a.cols : a.rows
    const cols = tb ? b.rows : b.cols
    const feeds = { a: new Tensor(a.data, [a.rows, a.cols]), b: new Tensor(b.data, [b.rows, b.cols]) }
    const { c } = await (await session).run(feeds)
    return { rows, cols, data: c.data as D }
  }
}

let shared: Promise<Product | undefined> | undefined

/** That of the default runtime; undefined where none can be loaded. */
export function sharedProduct(): Promise<Product | undefined> {
  shared ??= loadRuntime().then(
    (backend) => runtimeProduct(backend),
    (error: unknown) => {
      if (isPithError(error, 'PITH_CAPABILITY')) return undefined
      shared = undefined
      throw error
    },
  )
  return shared
}

function gemmModel(elemType: number, ta: boolean, tb: boolean): ModelProto {
  const value = (name: string, ...dims: string[]): ValueInfoProto => ({
    name,
    type: { tensorType: { elemType, shape: { dim: dims.map((dimParam) => ({ dimParam })) } } },
  })
  const flag = (name: string, on: boolean) => ({ name, i: on ? 1 : 0, type: ATTRIBUTE_TYPE.int })
  return {
    irVersion: 9,
    opsetImport: [{ domain: '', version: 20 }],
    graph: {
      name: 'product',
      node: [{ opType: 'Gemm', input: ['a', 'b'], output: ['c'], attribute: [flag('transA', ta), flag('transB', tb)] }],
      input: [ta ? value('a', 'k', 'm') : value('a', 'm', 'k'), tb ? value('b', 'n', 'k') : value('b', 'k', 'n')],
      output: [value('c', 'm', 'n')],
    },
  }
}
