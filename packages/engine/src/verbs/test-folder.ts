/** Folders of ONNX's own tests: a model, and inputs with the outputs that it must give. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PithError } from '@pith/core'
import { fileSource } from '@pith/core/node'
import { fromModel } from '../onnx/import.ts'
import { loadModel } from '../onnx/node/model-files.ts'
import { readTensorProto } from '../onnx/read.ts'
import { toTensor } from '../onnx/tensor-proto.ts'
import type { Tensor } from '../tensor.ts'
import { isClose, relativeError } from './compare.ts'
import { compileModel } from './compile-model.ts'
import type { TensorError } from './reference.ts'

/** What an output may differ by, as in ONNX's own runner. */
export const RELATIVE = 1e-3
const ABSOLUTE = 1e-7
const SET = /^test_data_set_(\d+)$/

/** How far a model is from one set of references. */
export interface SetReport {
  readonly set: string
  readonly ok: boolean
  readonly outputs: readonly TensorError[]
}

/**
 * Run `model.onnx` of a folder on each `test_data_set_N/input_K.pb` and compare with `output_K.pb`.
 *
 * @throws PithError `PITH_ARG` no such files · `PITH_MODEL` an operator that is not known; names it · those of `loadModel`,
 * `fromModel` and `compile`
 */
export async function checkFolder(folder: string, options: { signal?: AbortSignal } = {}): Promise<SetReport[]> {
  const names = (await readdir(folder)).filter((name) => SET.test(name))
  names.sort((a, b) => Number(SET.exec(a)?.[1]) - Number(SET.exec(b)?.[1]))
  if (names.length === 0) {
    throw new PithError('PITH_ARG', `${folder} has no folder test_data_set_0`, {
      hint: 'Give a folder with model.onnx and test_data_set_0, or a model with --io.',
    })
  }
  const proto = await loadModel(join(folder, 'model.onnx'), options)
  const { initializer = [], input = [], output = [] } = proto.graph ?? {}
  const held = new Set(initializer.map((tensor) => tensor.name))
  const inputNames = input.map(({ name = '' }) => name).filter((name) => !held.has(name))
  const reports: SetReport[] = []
  for (const set of names) {
    const inputs = await readTensors(join(folder, set), 'input', inputNames, options)
    const wanted = await readTensors(
      join(folder, set),
      'output',
      output.map(({ name = '' }) => name),
      options,
    )
    const model = fromModel(proto, { inputs })
    const session = await compileModel(model)
    try {
      const found = await session.run({ ...model.tensors, ...inputs })
      const rows = Object.entries(wanted).map(([name, reference]) => [name, found[name] as Tensor, reference] as const)
      reports.push({
        set,
        ok: rows.every(([, own, reference]) => isClose(own, reference, RELATIVE, ABSOLUTE)),
        outputs: rows.map(([name, own, reference]) => ({ name, error: relativeError(own, reference) })),
      })
    } finally {
      await session.dispose()
    }
  }
  return reports
}

async function readTensors(
  folder: string,
  role: 'input' | 'output',
  names: readonly string[],
  options: { signal?: AbortSignal },
): Promise<Record<string, Tensor>> {
  const tensors: Record<string, Tensor> = {}
  for (const [place, name] of names.entries()) {
    const file = await fileSource(join(folder, `${role}_${place}.pb`), options)
    try {
      tensors[name] = toTensor(readTensorProto(await file.read(0, file.size)))
    } finally {
      await file.close()
    }
  }
  return tensors
}
