import { mkdtemp, open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { atomicFile } from '@pith/core/node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compile } from '../../runtime/compile.ts'
import { Tensor } from '../../tensor.ts'
import { externalFields } from '../external-entry.ts'
import { fromModel } from '../import.ts'
import type { ModelProto } from '../proto.ts'
import { modelBytes, writeModel } from '../write.ts'
import { loadModel, saveModel } from './model-files.ts'

const [ROWS, WIDTH] = [560, 1_000_000]
const BYTES = ROWS * WIDTH * 4

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pith-large-'))
})
afterAll(() => rm(folder, { recursive: true }))

const axis = (dim: object[], elemType: number) => ({ tensorType: { elemType, shape: { dim } } })

/** A table of 2.2 GB in a file with holes, of whose rows the last one holds numbers. */
async function makeModel(): Promise<string> {
  const data = await open(join(folder, 'table.data'), 'w')
  await data.truncate(BYTES)
  await data.write(new Uint8Array(Float32Array.of(1, 2, 3).buffer), 0, 12, (ROWS - 1) * WIDTH * 4)
  await data.close()
  const model: ModelProto = {
    irVersion: 9,
    opsetImport: [{ domain: '', version: 17 }],
    graph: {
      input: [{ name: 'row', type: axis([{ dimValue: 1 }], 7) }],
      output: [{ name: 'y', type: axis([{ dimValue: 1 }, { dimValue: WIDTH }], 1) }],
      node: [{ opType: 'Gather', input: ['table', 'row'], output: ['y'] }],
      initializer: [
        {
          name: 'table',
          dims: [ROWS, WIDTH],
          dataType: 1,
          externalData: externalFields({ location: 'table.data', offset: 0, length: BYTES }),
          dataLocation: 1,
        },
      ],
    },
  }
  const path = join(folder, 'model.onnx')
  const sink = await atomicFile(path)
  await sink.write(writeModel(model))
  await sink.close()
  return path
}

test('a model above 2 GiB is read, run, and written with its tensors beside it', async () => {
  const file = await loadModel(await makeModel())
  const model = fromModel(file)
  const session = await compile(model.outputs)
  const { y } = await session.run({ ...model.tensors, row: new Tensor(BigInt64Array.of(BigInt(ROWS - 1))) })
  expect(Array.from(y?.data.slice(0, 4) as Float32Array)).toEqual([1, 2, 3, 0])
  await session.dispose()
  expect(() => modelBytes(file)).toThrow(expect.objectContaining({ code: 'PITH_LIMIT' }))
  const copy = join(folder, 'copy.onnx')
  await expect(saveModel(file, copy, { external: 'never' })).rejects.toMatchObject({ code: 'PITH_LIMIT' })
  await saveModel(file, copy)
  expect((await stat(`${copy}.data`)).size).toBe(BYTES)
  const again = fromModel(await loadModel(copy)).tensors['table']
  expect(Array.from(again?.data.slice((ROWS - 1) * WIDTH, (ROWS - 1) * WIDTH + 3) as Float32Array)).toEqual([1, 2, 3])
}, 300_000)
