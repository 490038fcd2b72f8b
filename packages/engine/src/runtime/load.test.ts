import { PithError } from '@pith/core'
import { describe, expect, it } from 'vitest'
import type { Backend } from './backend.ts'
import { chooseRuntime, loadRuntime, type RuntimeLoaders } from './load.ts'
import { loadNative } from './node.ts'
import type { WebRuntimeOptions } from './web.ts'

const fail = (): Promise<never> => Promise.reject(new PithError('PITH_MODEL', 'not here'))

function backend(name: Backend['name'], notes: readonly string[] = []): Backend {
  return { name, notes, create: fail }
}

function loaders(error?: Error): RuntimeLoaders & { asked: WebRuntimeOptions[] } {
  const asked: WebRuntimeOptions[] = []
  return {
    asked,
    node: () => (error === undefined ? Promise.resolve(backend('ort-node')) : Promise.reject(error)),
    wasm: (options) => {
      asked.push(options)
      return Promise.resolve(backend('ort-web', options.notes))
    },
    webgpu: (options) => Promise.resolve(backend('ort-webgpu', options.notes)),
  }
}

describe('loadRuntime', () => {
  it('loads the native library in Node, once for equal options', async () => {
    const own = await loadRuntime()
    expect(own).toMatchObject({ name: 'ort-node', notes: [] })
    expect(await loadRuntime({ prefer: 'node' })).toBe(own)
    expect(await loadRuntime({ threads: 2 })).not.toBe(own)
  })

  it('loads WebAssembly where that is preferred, without a note', async () => {
    expect(await loadRuntime({ prefer: 'wasm' })).toMatchObject({ name: 'ort-web', notes: [] })
  })
})

describe('loadRuntime for WebGPU', () => {
  it('gives WebAssembly with one note where there is none', async () => {
    const { name, notes } = await loadRuntime({ prefer: 'webgpu' })
    expect(name).toBe('ort-web')
    expect(notes).toEqual(['WebGPU is not used: this host does not have it. Models run as WebAssembly'])
  })
})

describe('loadNative', () => {
  it('says what to do where the library is not there', async () => {
    await expect(loadNative({}, 'no-such-library')).rejects.toMatchObject({
      code: 'PITH_CAPABILITY',
      hint: 'Run: ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node',
    })
  })
})

describe('chooseRuntime', () => {
  const missing = new PithError('PITH_CAPABILITY', 'onnxruntime-node can not be loaded: no such file', {
    hint: 'Run: npm install onnxruntime-node',
  })

  it('falls back to WebAssembly with one note that says why and what to do', async () => {
    const own = loaders(missing)
    const chosen = await chooseRuntime(own, { prefer: 'node', threads: 3, wasmPaths: '/wasm/' })
    expect(chosen.name).toBe('ort-web')
    expect(chosen.notes).toEqual([
      'onnxruntime-node can not be loaded: no such file. Models run as WebAssembly, about three times slower. Run: npm install onnxruntime-node',
    ])
    expect(own.asked).toMatchObject([{ threads: 3, wasmPaths: '/wasm/' }])
  })

  it('does not try the native library where WebAssembly is preferred', async () => {
    const own = loaders(missing)
    expect((await chooseRuntime(own, { prefer: 'wasm' })).notes).toEqual([])
    expect(own.asked).toEqual([{}])
  })

  it('asks for WebGPU where that is preferred', async () => {
    expect((await chooseRuntime(loaders(missing), { prefer: 'webgpu' })).name).toBe('ort-webgpu')
  })

  it('passes on errors that are no missing library', async () => {
    const bug = new TypeError('a bug')
    await expect(chooseRuntime(loaders(bug), { prefer: 'node' })).rejects.toBe(bug)
  })
})
