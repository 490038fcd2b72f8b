import { expect, test } from 'vitest'
import { abortable, onAbort, throwIfAborted, untilAborted } from './cancel.ts'

const reason = { why: 'enough' }

test('the reason is thrown as it is', () => {
  throwIfAborted()
  throwIfAborted(new AbortController().signal)
  let thrown: unknown
  try {
    throwIfAborted(AbortSignal.abort(reason))
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBe(reason)
})

test('a promise that never settles ends with the signal', async () => {
  const abort = new AbortController()
  const waiting = abortable(new Promise(() => {}), abort.signal)
  abort.abort(reason)
  await expect(waiting).rejects.toBe(reason)
  await expect(abortable(new Promise(() => {}), AbortSignal.abort(reason))).rejects.toBe(reason)
})

test('a promise that settles keeps its outcome, and its listener goes', async () => {
  const abort = new AbortController()
  const failure = new Error('own')
  expect(await abortable(Promise.resolve(1), abort.signal)).toBe(1)
  await expect(abortable(Promise.reject(failure), abort.signal)).rejects.toBe(failure)
  expect(await abortable(Promise.resolve(2))).toBe(2)
})

test('listeners fire once, at once where the signal has fired, not when released', () => {
  const calls: unknown[] = []
  const abort = new AbortController()
  onAbort(abort.signal, (why) => calls.push(why))
  onAbort(abort.signal, () => calls.push('released'))()
  onAbort(undefined, () => calls.push('none'))()
  abort.abort(reason)
  onAbort(abort.signal, (why) => calls.push(why))
  expect(calls).toEqual([reason, reason])
})

test('a wait for an item that never comes ends with the signal', async () => {
  const abort = new AbortController()
  const items = (async function* () {
    yield 1
    await new Promise(() => {})
  })()
  const got: number[] = []
  const reading = (async () => {
    for await (const item of untilAborted(items, abort.signal)) got.push(item)
  })()
  await new Promise((done) => setImmediate(done))
  abort.abort(reason)
  await expect(reading).rejects.toBe(reason)
  expect(got).toEqual([1])
})

test('leaving early closes the source, a failure of the source passes', async () => {
  let closed = false
  const endless = async function* (): AsyncGenerator<number> {
    try {
      for (;;) yield 1
    } finally {
      closed = true
    }
  }
  for await (const _ of untilAborted(endless())) break
  expect(closed).toBe(true)
  const failure = new Error('own')
  const failing = async function* (): AsyncGenerator<number> {
    yield 1
    throw failure
  }
  const iterator = untilAborted(failing(), new AbortController().signal)
  expect(await iterator.next()).toEqual({ done: false, value: 1 })
  await expect(iterator.next()).rejects.toBe(failure)
})
