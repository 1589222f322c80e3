// Ends a test run with the plain line `N passed, N failed`, which .ci/run and people read.
import type { Reporter } from "vitest/node";

/** A file that does not load, a hook that fails and an error outside of all tests count as a failed test each. */
export default class TallyReporter implements Reporter {
  onTestRunEnd: NonNullable<Reporter["onTestRunEnd"]> = (modules, unhandledErrors) => {
    let passed = 0;
    let failed = unhandledErrors.length;
    for (const module of modules) {
      failed += module.errors().length;
      for (const suite of module.children.allSuites()) failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") passed++;
        // A test that never came to run proves nothing.
        else if (state === "failed" || state === "pending") failed++;
      }
    }
    // A run that came to no test at all proves nothing either.
    if (passed + failed === 0) failed = 1;
    // After the summary of the reporter before this one, whatever it still holds back.
    process.once("exit", () => process.stdout.write(`${passed} passed, ${failed} failed\n`));
  };
}
