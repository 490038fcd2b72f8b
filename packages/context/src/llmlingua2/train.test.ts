import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadRuntime, Tensor } from '@pith/engine'
import { readHfTokenizer } from '@pith/engine/io'
import { fromTensor, type ModelProto, readModel, type TensorProto, writeModel } from '@pith/engine/onnx'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { encoderFile } from './export.ts'
import { encoder } from './network.ts'
import { loadClassifier, saveClassifier } from './node/index.ts'
import { quantiseModel } from './quantise.ts'
import { ruleLabels } from './teacher.ts'
import { type TrainedClassifier, trainClassifier } from './train.ts'
import { trainWordPiece } from './wordpiece.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pith-keep-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const nouns = ['ship', 'engine', 'tower', 'river', 'bridge', 'garden', 'letter', 'window', 'harbour', 'winter']
const verbs = ['crossed', 'painted', 'sold', 'found', 'measured', 'closed']

/** Sentences of words that hold it together and words that say something. */
function textOf(seed: number): string {
  return Array.from({ length: 40 }, (_, i) => {
    const at = (k: number): number => (seed * 31 + i * 7 + k * 13) % 97
    // Sentences of several lengths, or places alone would tell what stays.
    const more = at(6) % 3 === 0 ? ' with it' : at(6) % 3 === 1 ? ` and the ${nouns[at(7) % 10]}` : ''
    return `The ${nouns[at(1) % 10]} of the ${nouns[at(2) % 10]}${more} was ${verbs[at(3) % 6]} by a ${nouns[at(4) % 10]} in ${1900 + at(5)}.`
  }).join(' ')
}

const texts = Array.from({ length: 8 }, (_, i) => ({ text: textOf(i), keep: ruleLabels(textOf(i)) }))
const sizes = { vocab: 400, width: 32, layers: 1, heads: 2 }
const whole = { ...sizes, length: 64 }

test('rules drop what holds sentences together and what was just said', () => {
  const text = 'The ship of wood sank. It was old. The ship of wood sank.'
  const words = text.split(' ')
  expect(words.filter((_, i) => ruleLabels(text)[i] === 1)).toEqual(['ship', 'wood', 'sank.', 'old.'])
  expect(ruleLabels('')).toEqual(new Uint8Array(0))
})

test('a vocabulary has the frequent words whole, and spells all others', async () => {
  const file = trainWordPiece([texts[0]?.text as string], 300)
  expect(trainWordPiece([texts[0]?.text as string], 300)).toEqual(file)
  const tokenizer = await readHfTokenizer(file)
  expect(tokenizer.size).toBeLessThanOrEqual(300)
  expect(tokenizer.encode('The ship').length).toBe(2)
  expect(tokenizer.decode(tokenizer.encode('xylophone'))).toBe('xylophone')
  expect([...tokenizer.encode('xylophone')]).not.toContain(1)
  expect(() => trainWordPiece([], 100)).toThrow(/200 to 65536/)
})

test('a file of the encoder takes any number of rows and tokens', async () => {
  const spec = { dtype: 'i64' as const, shape: [1, 4] }
  const params = encoder(whole).init(1, spec, spec)
  const session = await (await loadRuntime()).create(encoderFile(params, whole))
  const ids = [5, 9, 17, 33, 2, 8]
  const run = async (rows: readonly (readonly number[])[], width: number): Promise<number[][]> => {
    const input = new BigInt64Array(rows.length * width)
    const mask = new BigInt64Array(rows.length * width)
    for (const [i, row] of rows.entries()) {
      for (const [j, id] of row.entries()) {
        input[i * width + j] = BigInt(id)
        mask[i * width + j] = 1n
      }
    }
    const shape = [rows.length, width]
    const { logits } = await session.run({
      input_ids: new Tensor(input, shape),
      attention_mask: new Tensor(mask, shape),
    })
    expect(logits?.shape).toEqual([...shape, 2])
    return rows.map((row, i) =>
      Array.from(((logits as Tensor).data as Float32Array).slice(2 * i * width, 2 * (i * width + row.length))),
    )
  }
  const [alone] = await run([ids], 6)
  const [first, second] = await run([ids.slice(0, 3), ids], 13)
  for (const [i, value] of (alone as number[]).entries()) expect(second?.[i]).toBeCloseTo(value, 4)
  expect(first).toHaveLength(6)
  await session.dispose()
})

test('products by matrices are made of integers, and come out nearly the same', async () => {
  const runtime = await loadRuntime()
  const float = (values: Float32Array, dims: number[], name: string): TensorProto =>
    fromTensor(new Tensor(values, dims), name)
  const numbers = (count: number, by: number): Float32Array =>
    Float32Array.from({ length: count }, (_, i) => Math.sin(by * (i + 1)) * (1 + (i % 7)))
  const flow = (name: string): object => ({
    ...{ name, type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: 'rows' }, { dimValue: 48n }] } } } },
  })
  const turned = [{ name: 'transB', type: 2, i: 1n }]
  const file = writeModel({
    ...{ irVersion: 8n, opsetImport: [{ domain: '', version: 17n }] },
    graph: {
      ...{ name: 'g', input: [flow('x')], output: [flow('y')] },
      initializer: [float(numbers(48 * 48, 0.7), [48, 48], 'a'), float(numbers(48, 0.3), [48], 'bias')],
      node: [
        { opType: 'MatMul', input: ['x', 'a'], output: ['one'] },
        { opType: 'Gemm', input: ['one', 'a', 'bias'], output: ['two'], attribute: turned },
        { opType: 'MatMul', input: ['two', 'a'], output: ['three'] },
        { opType: 'Add', input: ['three', 'x'], output: ['y'] },
      ],
    },
  } as ModelProto)
  const small = quantiseModel(file)
  expect(quantiseModel(small)).toEqual(small)
  expect(readModel(small).graph?.initializer?.map(({ name }) => name)).not.toContain('a')
  const x = new Tensor(numbers(5 * 48, 0.11), [5, 48])
  const [exact, near] = await Promise.all(
    [file, small].map(async (own) => {
      const session = await runtime.create(own)
      const { y } = await session.run({ x })
      await session.dispose()
      return y?.data as Float32Array
    }),
  )
  const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
  const error =
    norm((exact as Float32Array).map((value, i) => value - (near?.[i] as number))) / norm(exact as Float32Array)
  expect(error).toBeGreaterThan(0)
  expect(error).toBeLessThan(0.06)
})

test('a classifier learns from labelled texts, is kept aside from those it is measured on, and comes back from its folder', async () => {
  const learn = (seed: number): Promise<TrainedClassifier> =>
    trainClassifier(texts, { steps: 200, batch: 8, length: 48, sizes, rate: 0.01, seed })
  const trained = await learn(3)
  expect(trained.scores?.f1).toBeGreaterThan(0.9)
  expect(trained.scores?.n).toBeGreaterThan(300)
  const again = await learn(3)
  expect(again.model).toEqual(trained.model)
  await saveClassifier(join(folder, 'keep'), trained)
  const classifier = await loadClassifier(join(folder, 'keep'))
  const text = textOf(99)
  const { words, keep } = await classifier.classify(text)
  const wanted = ruleLabels(text)
  const right = words.filter((_, i) => (keep[i] as number) > 0.5 === (wanted[i] === 1)).length
  expect(right).toBeGreaterThan(0.9 * words.length)
  await expect(saveClassifier(join(folder, 'keep'), trained)).rejects.toThrow(/exists|there/)
})

test('what cannot be learned from is refused', async () => {
  await expect(trainClassifier([])).rejects.toThrow(/no texts/)
  await expect(trainClassifier(texts, { length: 600 })).rejects.toThrow(/rows have/)
  await expect(loadClassifier(folder)).rejects.toThrow(/has no model.onnx/)
  const stop = AbortSignal.abort(new Error('enough'))
  await expect(trainClassifier(texts, { sizes, length: 48, signal: stop })).rejects.toThrow('enough')
})
