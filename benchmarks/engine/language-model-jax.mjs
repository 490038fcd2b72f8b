/**
 * The same language model in jax-js: loss and gradients on WebAssembly, without an optimiser, as standard input asks.
 *
 * node language-model-jax.mjs PACKAGE FOLDER, where PACKAGE is the folder of jax-js and FOLDER has size.json, start.bin and
 * batch.bin, as peer-files.ts makes them. Each line of standard input is a number of steps; each answer a line of JSON.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const [, , packageFolder, folder] = process.argv
const {
  blockUntilReady,
  defaultDevice,
  init,
  jit,
  nn,
  numpy: np,
  tree,
  valueAndGrad,
} = await import(pathToFileURL(join(packageFolder, 'dist/index.js')).href)
await init('wasm')
defaultDevice('wasm')

const { layers, width, heads, vocabulary, batch, tokens, shapes } = JSON.parse(
  readFileSync(join(folder, 'size.json'), 'utf8'),
)

/** All of a file as one array of numbers, cut into shapes. */
function arrays(name, type) {
  const bytes = readFileSync(join(folder, name))
  const all = new type(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
  let at = 0
  return (shape) => {
    const size = shape.reduce((product, length) => product * length, 1)
    at += size
    return np.array(all.slice(at - size, at)).reshape(shape)
  }
}

const nextParam = arrays('start.bin', Float32Array)
const params = Object.fromEntries(shapes.map(([name, shape]) => [name, nextParam(shape)]))
const nextIds = arrays('batch.bin', Int32Array)
const ids = nextIds([batch * tokens])
const following = nextIds([batch * tokens])
const hidden = new Float32Array(tokens * tokens)
for (let i = 0; i < tokens; i++) hidden.fill(-1e30, i * tokens + i + 1, (i + 1) * tokens)
const mask = np.array(hidden).reshape([1, tokens, tokens])

// Every use of an array but the last is a `.ref`: that is how jax-js counts them.
function linear(p, x, name) {
  return np.matmul(x, p[`${name}.w`].ref).add(p[`${name}.b`].ref)
}

function norm(p, x, name) {
  const centred = x.ref.sub(np.mean(x, -1, { keepdims: true }))
  const variance = np.mean(np.square(centred.ref), -1, { keepdims: true })
  return centred
    .div(np.sqrt(variance.add(1e-5)))
    .mul(p[`${name}.w`].ref)
    .add(p[`${name}.b`].ref)
}

function block(p, x, i) {
  const qkv = linear(p, norm(p, x.ref, `${i}.ln1`), `${i}.qkv`)
  const split = qkv.reshape([batch, tokens, 3, heads, width / heads]).transpose([2, 0, 3, 1, 4])
  const parts = np.split(split.reshape([3, batch * heads, tokens, width / heads]), 3, 0)
  const [q, k, v] = parts.map((part) => part.reshape([batch * heads, tokens, width / heads]))
  const scores = np
    .matmul(q, k.transpose([0, 2, 1]))
    .mul((width / heads) ** -0.5)
    .add(mask.ref)
  const seen = np.matmul(nn.softmax(scores, -1), v)
  const merged = seen.reshape([batch, heads, tokens, width / heads]).transpose([0, 2, 1, 3])
  const after = x.add(linear(p, merged.reshape([batch * tokens, width]), `${i}.out`))
  const inner = nn.gelu(linear(p, norm(p, after.ref, `${i}.ln2`), `${i}.up`), { approximate: false })
  return after.add(linear(p, inner, `${i}.down`))
}

function lossOf(p) {
  // A one-hot product: its gradient is one as well, where that of `take` is not.
  const rows = np.matmul(nn.oneHot(ids.ref, vocabulary), p['tokens.w'].ref)
  let x = rows
    .reshape([batch, tokens, width])
    .add(p.places.ref)
    .reshape([batch * tokens, width])
  for (let i = 0; i < layers; i++) x = block(p, x, i)
  const logs = nn.logSoftmax(linear(p, norm(p, x, 'ln'), 'head'), -1)
  const loss = np.sum(logs.mul(nn.oneHot(following.ref, vocabulary))).mul(-1 / (batch * tokens))
  tree.dispose(p)
  return loss
}

const program = jit(valueAndGrad(lossOf))

async function step() {
  const [loss, gradients] = program(tree.ref(params))
  await blockUntilReady(gradients)
  const value = (await loss.data())[0]
  tree.dispose(gradients)
  return value
}

const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8'))
process.stdout.write(`${JSON.stringify({ version })}\n`)
for await (const line of createInterface({ input: process.stdin })) {
  const ms = []
  const losses = []
  for (let i = 0; i < Number(line); i++) {
    const before = process.cpuUsage()
    losses.push(await step())
    const { user, system } = process.cpuUsage(before)
    ms.push((user + system) / 1000)
  }
  process.stdout.write(`${JSON.stringify({ ms, losses })}\n`)
}
