import type { Reporter, TestModule } from "vitest/node";

/** Ends a run's output with a line of its own: `N passed, N failed`. Vitest wants a class, as the default export. */
export default class LineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0;
    // A file that can't be loaded, or an error outside of every test, fails the run too.
    let failed = unhandledErrors.length;
    for (const module of modules) {
      failed += module.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") passed += 1;
        if (state === "failed") failed += 1;
      }
    }
    // After the default reporter's summary and the coverage.
    process.once("exit", () => console.log(`${passed} passed, ${failed} failed`));
  }
}
