import { expect, test } from 'vitest'
import { countClosingLine, countVitest, hideClosingLines } from './count.ts'

const report = (...files: { status: string; tests: string[] }[]) =>
  JSON.stringify({
    testResults: files.map((file) => ({
      status: file.status,
      assertionResults: file.tests.map((status) => ({ status })),
    })),
  })

test('tests are counted over the files', () => {
  const files = [
    { status: 'passed', tests: ['passed', 'passed'] },
    { status: 'failed', tests: ['passed', 'failed'] },
  ]
  expect(countVitest(report(...files), false)).toEqual({ passed: 3, failed: 1 })
})

test('a file that does not load is a failure', () => {
  expect(countVitest(report({ status: 'failed', tests: [] }), false)).toEqual({ passed: 0, failed: 1 })
})

test('a test that was not run is a failure', () => {
  expect(countVitest(report({ status: 'passed', tests: ['passed', 'pending'] }), true)).toEqual({
    passed: 1,
    failed: 1,
  })
})

test('a bad exit, no report, a broken report and a run without tests are failures', () => {
  expect(countVitest(report({ status: 'passed', tests: ['passed'] }), false)).toEqual({ passed: 1, failed: 1 })
  expect(countVitest(undefined, true)).toEqual({ passed: 0, failed: 1 })
  expect(countVitest('{"testRes', true)).toEqual({ passed: 0, failed: 1 })
  expect(countVitest(report(), true)).toEqual({ passed: 0, failed: 1 })
})

test('the last closing line counts, and a bad exit with a good line is a failure', () => {
  expect(countClosingLine(true, '1 passed, 0 failed\nmore\n7 passed, 0 failed\n')).toEqual({ passed: 7, failed: 0 })
  expect(countClosingLine(false, '7 passed, 0 failed\n')).toEqual({ passed: 7, failed: 1 })
  expect(countClosingLine(true, 'nothing\n')).toEqual({ passed: 0, failed: 1 })
})

test('closing lines of a step do not look like that of the run', () => {
  expect(hideClosingLines('a\n3 passed, 1 failed\nb\n')).toBe('a\nclosing line: 3 and 1\nb\n')
})
