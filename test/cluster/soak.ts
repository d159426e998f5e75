import { randomInt } from "node:crypto";
import { rmSync } from "node:fs";
import { parseArgs } from "node:util";

import { copyProgram } from "../support/spawn-gateway.ts";
import { DEFAULT_TIMES } from "./cluster.ts";
import type { Round } from "./plan-rounds.ts";
import { planRounds } from "./plan-rounds.ts";
import { runSoak } from "./run-soak.ts";

// `npm run soak -- --minutes N`, with `--seed S` for the schedule of an earlier run.
const { values } = parseArgs({
  options: { minutes: { type: "string", default: "10" }, seed: { type: "string" } },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? randomInt(2 ** 31));
if (!(minutes > 0) || !Number.isInteger(seed)) {
  console.error("Say for how long, and with which schedule: npm run soak -- --minutes 10 --seed 7");
  process.exit(1);
}
const program = copyProgram();
process.once("exit", () => rmSync(program, { recursive: true, force: true }));
console.log(`Seed ${seed}, ${minutes} minutes`);
const broken = await runSoak({
  rounds: takeRounds(),
  gateways: 3,
  program,
  environment: DEFAULT_TIMES,
  tell: (line) => console.log(`${new Date().toISOString()}  ${line}`),
});
for (const line of broken) console.error(line);
console.log(
  broken.length === 0
    ? "Nothing broken."
    : `Broken. Replay it: npm run soak -- --minutes ${minutes} --seed ${seed}`,
);
process.exit(broken.length === 0 ? 0 : 1);

/** As many as there is time for: the seed decides which comes when, and how long it lasts. */
function* takeRounds(): Generator<Round> {
  const endAt = performance.now() + minutes * 60_000;
  for (const round of planRounds({ seed, minutes })) {
    if (performance.now() >= endAt) return;
    yield round;
  }
}
