import fc from "fast-check";
import { expect, test } from "vitest";

import type { Observation } from "../../src/engine/job/advance.ts";
import { advance } from "../../src/engine/job/advance.ts";
import { isFinished } from "../../src/engine/job/job.ts";
import { createJobWatch } from "../../src/engine/watch/watch-job.ts";
import { ACCEPTED, CANCELLED, makeJob } from "../store/store-jobs.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** What happens while hundreds of readers, quick and slow ones, watch a job. */
const EVENT = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("change") }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("end") }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("turn") }) },
  { weight: 3, arbitrary: fc.record({ count: fc.constantFrom(1, 3, 120), slow: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("leave"), index: fc.nat(400) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("read on"), index: fc.nat(400) }) },
  { weight: 2, arbitrary: fc.record({ isUnreachable: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ turns: fc.nat(3) }) },
);

test("whatever happens, each reader gets growing versions up to the end, and the end once it was read", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(EVENT, { maxLength: 40, size: "max" }), async (events) => {
      const listeners = new Set<() => void>();
      const wake = () => [...listeners].forEach((listener) => listener());
      let job = advance(makeJob(), ACCEPTED, new Date(0), "sandbox");
      const observe = (observation: Observation): void => {
        job = advance(job, observation, new Date(1), "sandbox");
        wake();
      };
      let isUnreachable = false;
      let readTurns = 0;
      let isEndRead = false;
      const watchJob = createJobWatch({
        feed: {
          subscribeToJob(_id, listener) {
            listeners.add(listener);
            return () => listeners.delete(listener);
          },
        },
        async readJob() {
          const read = { ...job };
          const hasFailed = isUnreachable;
          for (let turns = 0; turns < readTurns; turns++) await turn();
          if (hasFailed) throw new Error("away");
          isEndRead ||= isFinished(read);
          return read;
        },
        estimate: async () => null,
      });
      const readers: Reader[] = [];
      const begin = (isSlow: boolean): void =>
        void readers.push(startReader(watchJob(job.id), isSlow));

      for (const event of events) {
        if ("count" in event) for (let count = 0; count < event.count; count++) begin(event.slow);
        else if ("isUnreachable" in event) {
          isUnreachable = event.isUnreachable;
          wake();
        } else if ("turns" in event) readTurns = event.turns;
        else if (event.kind === "turn") await turn();
        else if (event.kind === "change") {
          observe({ kind: "queued", queuePosition: job.version });
        } else if (event.kind === "end") observe(CANCELLED);
        else if ("index" in event) {
          const reader = readers[event.index % Math.max(1, readers.length)];
          if (event.kind === "leave") await reader?.leave();
          else reader?.readOn();
        }
      }
      for (let turns = 0; turns < 5; turns++) await turn();
      // What was read once is delivered with no more wake-ups, whether the database answers or not.
      if (!isEndRead) {
        isUnreachable = false;
        observe(CANCELLED);
      }
      for (let turns = 0; turns < 40; turns++) {
        for (const reader of readers) reader.readOn();
        await turn();
      }
      for (const { versions, hasLeft, hasFailed, hasEnded } of readers.map((one) => one.seen)) {
        expect(versions).toEqual([...new Set(versions)].toSorted((a, b) => a - b));
        expect(hasEnded).toBe(true);
        if (!hasLeft && !hasFailed) expect(versions.at(-1)).toBe(job.version);
      }
      expect(listeners.size).toBe(0);
    }),
    { numRuns: 60 },
  );
});

type Reader = {
  readonly seen: { versions: number[]; hasLeft: boolean; hasFailed: boolean; hasEnded: boolean };
  readOn(): void;
  leave(): Promise<void>;
};

/** A slow one reads on only on command. */
function startReader(jobs: ReturnType<ReturnType<typeof createJobWatch>>, isSlow: boolean): Reader {
  const seen = { versions: [] as number[], hasLeft: false, hasFailed: false, hasEnded: false };
  let readOn = (): void => undefined;
  void (async () => {
    try {
      for (;;) {
        const { value, done } = await jobs.next();
        if (done === true) break;
        seen.versions.push(value.version);
        if (isSlow) await new Promise<void>((resolve) => (readOn = resolve));
      }
    } catch {
      seen.hasFailed = true;
    }
    seen.hasEnded = true;
  })();
  return {
    seen,
    readOn: () => readOn(),
    async leave() {
      seen.hasLeft = true;
      await jobs.return();
      readOn();
    },
  };
}
