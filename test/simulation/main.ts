import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { parseArgs } from "node:util";

import { type Edit, MUTANTS } from "./mutants.ts";
import type { Part } from "./shrink.ts";

/** Of one seed: others mostly follow from the first. */
const MAX_SENTENCES = 10;
/** How far below its mark a mutant looks for what it replaces. */
const MARKED_LENGTH = 300;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    first: { type: "string" },
    seeds: { type: "string", default: "100" },
    jobs: { type: "string" },
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
const [seedOfMutant = 1, ...edits] = mutant ?? [];
// A mutant's seed is one of a small plan, which takes less time.
const usualJobs = mutant === undefined ? 30 : 12;
const jobsOfPlan = Number(values.jobs ?? usualJobs);
const unused = new Set(edits);
if (values.mutant !== undefined) {
  if (mutant === undefined) throw new Error(`There is no mutant "${values.mutant}".`);
  const mark = `// Mutant: ${values.mutant}\n`;
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (!url.startsWith("file:") || url.includes("/node_modules/")) return loaded;
      const [head = "", ...marked] = readFileSync(new URL(url), "utf8").split(mark);
      if (marked.length === 0) return loaded;
      return { ...loaded, source: head + marked.map((lines) => edit(lines)).join("") };
    },
  });
}

function edit(lines: string): string {
  const isBelow = ([found]: Edit): boolean => lines.slice(0, MARKED_LENGTH).search(found) >= 0;
  const found = edits.find(isBelow);
  if (found === undefined) throw new Error(`Not below a mark: ${String(edits[0]?.[0])}`);
  unused.delete(found);
  return lines.replace(...found);
}

// What a plan has of the sources is changed too.
const { simulate } = await import("./simulation.ts");
const { toPlan } = await import("./plan.ts");
const { shrink, take, wholeOf } = await import("./shrink.ts");
if (unused.size > 0) throw new Error("The sources have fewer marks than the mutant.");

const first = Number(values.seed ?? values.first ?? seedOfMutant);
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
  const whole = toPlan(String(seed), jobsOfPlan);
  const asked = { ...wholeOf(whole), ...toPart() };
  const plan = take(whole, asked);
  const outcome = await simulate(plan, values.trace);
  jobs += outcome.jobs;
  steps += outcome.steps;
  if (values.trace) process.stdout.write(outcome.lines.join(""));
  if (outcome.broken.length === 0) continue;
  failures += 1;
  for (const sentence of outcome.broken.slice(0, MAX_SENTENCES)) console.log(`  ${sentence}`);
  const again = `--seed ${seed}${jobsOfPlan === 30 ? "" : ` --jobs ${jobsOfPlan}`}`;
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
