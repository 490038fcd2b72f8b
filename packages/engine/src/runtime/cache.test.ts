import { describe, expect, it } from 'vitest'
import type { Session } from './backend.ts'
import { type MadeSession, SessionCache } from './cache.ts'

/** Sessions that write down when they are made and closed. */
function maker(bytes = 1): { log: string[]; make: (name: string) => () => Promise<MadeSession> } {
  const log: string[] = []
  const make = (name: string) => async (): Promise<MadeSession> => {
    log.push(`make ${name}`)
    const session: Session = {
      inputs: {},
      outputs: {},
      run: async () => ({}),
      dispose: async () => {
        log.push(`close ${name}`)
      },
    }
    return { session, bytes }
  }
  return { log, make }
}

const nothing = async (): Promise<void> => undefined

describe('SessionCache', () => {
  it('makes a session once, also for calls at the same time', async () => {
    const { log, make } = maker()
    const cache = new SessionCache()
    await Promise.all([cache.use('a', make('a'), nothing), cache.use('a', make('a'), nothing)])
    await cache.use('a', make('a'), nothing)
    expect(log).toEqual(['make a'])
    expect(cache.stats()).toEqual({ sessions: 1, bytes: 1 })
  })

  it('closes the session that was used least recently', async () => {
    const { log, make } = maker()
    const cache = new SessionCache({ maxSessions: 2 })
    for (const key of ['a', 'b', 'a', 'c', 'b']) await cache.use(key, make(key), nothing)
    expect(log).toEqual(['make a', 'make b', 'make c', 'close b', 'make b', 'close a'])
  })

  it('closes sessions beyond the bytes, but not the one at hand', async () => {
    const { log, make } = maker(60)
    const cache = new SessionCache({ maxBytes: 100 })
    for (const key of ['a', 'b']) await cache.use(key, make(key), nothing)
    expect(log).toEqual(['make a', 'make b', 'close a'])
    const small = new SessionCache({ maxBytes: 10 })
    await small.use('c', make('c'), nothing)
    expect(small.stats()).toEqual({ sessions: 1, bytes: 60 })
  })

  it('closes an evicted session only after the work that uses it', async () => {
    const { log, make } = maker()
    const cache = new SessionCache({ maxSessions: 1 })
    let finish = (): void => undefined
    const begun = cache.use('a', make('a'), () => new Promise<void>((resolve) => (finish = resolve)))
    await cache.use('b', make('b'), nothing)
    expect(log).toEqual(['make a', 'make b'])
    finish()
    await begun
    await cache.clear()
    expect(log).toEqual(['make a', 'make b', 'close a', 'close b'])
  })

  it('keeps the session of work that failed, and none that could not be made', async () => {
    const { log, make } = maker()
    const cache = new SessionCache()
    const bad = new Error('bad')
    await expect(cache.use('a', make('a'), () => Promise.reject(bad))).rejects.toBe(bad)
    await expect(cache.use('b', () => Promise.reject(bad), nothing)).rejects.toBe(bad)
    expect(cache.stats().sessions).toBe(1)
    await cache.use('a', make('a'), nothing)
    await cache.use('b', make('b'), nothing)
    expect(log).toEqual(['make a', 'make b'])
  })

  it('closes all when it is cleared, and goes on after', async () => {
    const { log, make } = maker()
    const cache = new SessionCache()
    for (const key of ['a', 'b']) await cache.use(key, make(key), nothing)
    await cache.clear()
    expect(cache.stats()).toEqual({ sessions: 0, bytes: 0 })
    await cache.use('a', make('a'), nothing)
    expect(log).toEqual(['make a', 'make b', 'close a', 'close b', 'make a'])
  })

  it('refuses limits below 1', () => {
    expect(() => new SessionCache({ maxSessions: 0 })).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
  })
})
