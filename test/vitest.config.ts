import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Short files that take long. By size, as Vitest has it, they would begin last, when little is left to run beside them. */
const LONG = /\/(?:conformance|kill|large-data|mutants|reading|\w+-seeds)\.test\.ts$/;

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.test(moduleId);
    // oxlint-disable-next-line unicorn/no-array-sort -- It is no array's.
    const sorted = await super.sort(files);
    return sorted.toSorted((one, other) => Number(isLong(other)) - Number(isLong(one)));
  }
}

export default defineConfig({
  // Vite would take graphql's other build, and objects of the one are strangers to the other.
  resolve: { alias: [{ find: /^graphql$/, replacement: "graphql/index.js" }] },
  test: {
    root: new URL("..", import.meta.url).pathname,
    include: ["test/**/*.test.ts"],
    // Three more than processors: tests wait for processes, leases and time-outs more than they compute.
    maxWorkers: 5,
    sequence: { sequencer: LongFirst },
    // Nothing happens at import, so what one file has loaded serves the next.
    isolate: false,
    globalSetup: ["test/support/global-setup.ts"],
    setupFiles: ["test/support/set-up-file.ts"],
    // A test that hangs ends; how long others take on a busy machine is no concern of theirs.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What has to come true may take its time on a machine that does other things as well.
    expect: { poll: { timeout: 20_000 } },
    coverage: {
      provider: "v8",
      include: ["{src,client/src,sandbox/src}/**/*.ts"],
      // Programs that only run as processes of their own, where coverage can't see them.
      exclude: [
        "src/main.ts",
        "src/manage-deployments.ts",
        "src/manage-keys.ts",
        "src/print-schema.ts",
        "src/verify-upstream.ts",
        "sandbox/src/main.ts",
      ],
      thresholds: {
        statements: 90,
        branches: 90,
        functions: 90,
        lines: 90,
        "src/engine/job/**": { 100: true },
      },
    },
  },
});
