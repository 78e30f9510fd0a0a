// A folder for a test that outlives whatever the test leaves running in it.
import type { Test } from 'tap'

/**
 * tap's own folder of a test, taken away only behind every teardown. Alone, tap removes the folder first where the first teardown is asked for later than
 * the folder: under a process that still writes there.
 */
export function testdir (t: Test, content?: Parameters<Test['testdir']>[0]): string {
  t.teardown(() => {})
  return t.testdir(content)
}
