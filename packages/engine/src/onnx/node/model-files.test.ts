import { mkdir, mkdtemp, readdir, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ModelProto } from '../proto.ts'
import { writeModel } from '../write.ts'
import { loadModel, saveModel } from './model-files.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pith-onnx-'))
})
afterAll(() => rm(folder, { recursive: true }))

const model = (): ModelProto => ({
  irVersion: 9,
  graph: {
    initializer: ['a', 'b'].map((name, i) => ({
      dims: [5000],
      dataType: 2,
      name,
      rawData: new Uint8Array(5000).fill(i + 1),
    })),
  },
})

test('a model is saved in one file, or with its tensors beside it', async () => {
  const one = join(folder, 'one.onnx')
  await saveModel(model(), one)
  expect(await loadModel(one)).toEqual(model())
  const two = join(folder, 'two.onnx')
  await saveModel(model(), two, { external: 'always' })
  expect(await loadModel(two)).toEqual(model())
  expect((await stat(two)).size).toBeLessThan(400)
  expect((await stat(`${two}.data`)).size).toBe(8192 + 5000)
  await saveModel(model(), join(folder, 'three.onnx'), { external: 'always', shardBytes: 100, alignment: 1 })
  expect(await loadModel(join(folder, 'three.onnx'))).toEqual(model())
  expect((await readdir(folder)).sort()).toEqual(
    ['one.onnx', 'three.onnx', 'three.onnx.data', 'three.onnx.data.1', 'two.onnx', 'two.onnx.data'].sort(),
  )
})

test('files that are there are replaced only by force', async () => {
  const path = join(folder, 'kept.onnx')
  await saveModel({ ...model(), producerName: 'first' }, path)
  await expect(saveModel(model(), path)).rejects.toMatchObject({ code: 'PITH_IO' })
  expect((await loadModel(path)).producerName).toBe('first')
  await saveModel(model(), path, { force: true })
  expect((await loadModel(path)).producerName).toBeUndefined()
})

test('a file of 2 GiB is refused before it is read', async () => {
  const path = join(folder, 'hollow.onnx')
  await writeFile(path, '')
  await truncate(path, 2 ** 31)
  await expect(loadModel(path)).rejects.toMatchObject({ code: 'PITH_LIMIT' })
})

test('a link out of the folder is not followed, one within is', async () => {
  const inner = join(folder, 'inner')
  await mkdir(inner)
  await writeFile(join(folder, 'secret'), new Uint8Array(4))
  await writeFile(join(inner, 'real'), new Uint8Array(4))
  await symlink(join(folder, 'secret'), join(inner, 'out'))
  await symlink(join(inner, 'real'), join(inner, 'in'))
  const write = (location: string) =>
    writeFile(
      join(inner, `${location}.onnx`),
      writeModel({
        graph: {
          initializer: [
            {
              dims: [4],
              dataType: 2,
              name: 'w',
              externalData: [{ key: 'location', value: location }],
              dataLocation: 1,
            },
          ],
        },
      }),
    )
  for (const location of ['out', 'in', 'none']) await write(location)
  await expect(loadModel(join(inner, 'out.onnx'))).rejects.toMatchObject({ code: 'PITH_MODEL' })
  await expect(loadModel(join(inner, 'none.onnx'))).rejects.toMatchObject({ code: 'PITH_IO' })
  expect((await loadModel(join(inner, 'in.onnx'))).graph?.initializer?.[0]?.rawData).toEqual(new Uint8Array(4))
})
