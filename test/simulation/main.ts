import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { parseArgs } from "node:util";

import { MUTANTS } from "./mutants.ts";
import type { Part } from "./shrink.ts";

/** Of one seed: others mostly follow from the first. */
const MAX_SENTENCES = 10;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    first: { type: "string" },
    seeds: { type: "string", default: "100" },
    jobs: { type: "string", default: "30" },
    minutes: { type: "string" },
    mutant: { type: "string" },
    trace: { type: "boolean", default: false },
    // The part of a plan that a failing run names.
    gateways: { type: "string" },
    errands: { type: "string" },
    faults: { type: "string" },
  },
});

const mutant = MUTANTS[values.mutant ?? ""];
const missing = new Set(mutant?.changes);
if (values.mutant !== undefined) {
  if (mutant === undefined) throw new Error(`There is no mutant "${values.mutant}".`);
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const changes = mutant.changes.filter(({ file }) => url.endsWith(`/${file}`));
      if (changes.length === 0) return loaded;
      let source = readFileSync(new URL(url), "utf8");
      for (const change of changes) {
        const parts = source.split(change.from);
        if (parts.length === 2) missing.delete(change);
        source = parts.join(change.to);
      }
      return { ...loaded, source };
    },
  });
}
// What a plan has of the sources is changed too.
const { simulate } = await import("./simulation.ts");
const { toPlan } = await import("./plan.ts");
const { shrink, take, wholeOf } = await import("./shrink.ts");
if (missing.size > 0) throw new Error(`Not once in the source: ${JSON.stringify([...missing])}`);

const known = mutant?.seed ?? 1;
const first = Number(values.seed ?? values.first ?? known);
const last = values.seed === undefined ? first + Number(values.seeds) - 1 : first;
const endsAtMs = performance.now() + Number(values.minutes ?? 0) * 60_000;
let isStopped = false;
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => (isStopped = true));
const isOver = (seed: number): boolean =>
  isStopped || (values.minutes === undefined ? seed > last : performance.now() >= endsAtMs);
let jobs = 0;
let steps = 0;
let failures = 0;
for (let seed = first; !isOver(seed); seed++) {
  const whole = toPlan(String(seed), Number(values.jobs));
  const asked = { ...wholeOf(whole), ...toPart() };
  const plan = take(whole, asked);
  const outcome = await simulate(plan, values.trace);
  jobs += outcome.jobs;
  steps += outcome.steps;
  if (values.trace) process.stdout.write(outcome.lines.join(""));
  if (outcome.broken.length === 0) continue;
  failures += 1;
  for (const sentence of outcome.broken.slice(0, MAX_SENTENCES)) console.log(`  ${sentence}`);
  const again = `--seed ${seed}${values.jobs === "30" ? "" : ` --jobs ${values.jobs}`}`;
  console.log(`Seed ${seed} failed. Again, with each step: npm run simulate -- ${again} --trace`);
  if (values.mutant !== undefined) break;
  const isWhole = plan.errands.length === whole.errands.length;
  if (!isWhole) continue;
  const part = await shrink(plan, async (smaller) => (await simulate(smaller)).broken.length > 0);
  const kinds = take(plan, part).faults.map(({ kind }) => kind);
  console.log(`The smallest part found that fails (faults: ${kinds.join(", ") || "none"}):
  npm run simulate -- ${again} --gateways ${part.gateways} --errands ${part.errands.join()} --faults ${part.faults.join()}`);
}
console.log(`${jobs} jobs in ${steps} steps; ${failures} seeds failed.`);
process.exitCode = failures > 0 ? 1 : 0;

function toPart(): Partial<Part> {
  const { gateways, errands, faults } = values;
  const toIndexes = (text: string): number[] => (text === "" ? [] : text.split(",").map(Number));
  return {
    ...(gateways !== undefined && { gateways: Number(gateways) }),
    ...(errands !== undefined && { errands: toIndexes(errands) }),
    ...(faults !== undefined && { faults: toIndexes(faults) }),
  };
}
