import { expect, test } from 'vitest'
import { abortable, onAbort, throwIfAborted } from './cancel.ts'

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
