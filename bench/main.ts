import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import type { Figure } from "./figure.ts";
import { toMarkdown } from "./figure.ts";
import { attackProblem, measureAttacks } from "./measure-attacks.ts";
import { measureCluster } from "./measure-cluster.ts";
import { measureFlight } from "./measure-flight.ts";
import { measurePeers } from "./measure-peers.ts";
import { measureSubmits } from "./measure-submits.ts";
import { measureWebhooks } from "./measure-webhooks.ts";

/** Of one measurement. */
const DEADLINE_MS = 240_000;
const MEASUREMENTS = {
  submits: measureSubmits,
  flight: measureFlight,
  webhooks: measureWebhooks,
  async attacks(_upstream, folder) {
    if (!(await measureAttacks(folder, attackSettings))) process.exitCode = 1;
    return [];
  },
  cluster: measureCluster,
  // The last, because it pins this process to a core.
  peers: (upstream, folder) => measurePeers({ ...peerSettings, upstream, folder }),
} satisfies Record<string, (upstream: FaultyUpstream, folder: string) => Promise<Figure[]>>;

// `npm run bench`, with `-- --json file` for the figures as JSON and `-- submits flight …` for some of them only. `attacks`
// prints a table of its own; `--only name`, `--database sqlite` and `--seconds 10` say what is in it. `peers` asks each server
// for `--seconds 10`, in `--rounds 5`.
const { values, positionals } = parseArgs({
  options: {
    json: { type: "string" },
    only: { type: "string", multiple: true, default: [] },
    database: { type: "string" },
    seconds: { type: "string", default: "10" },
    rounds: { type: "string", default: "5" },
  },
  allowPositionals: true,
});
const attackSettings = {
  only: values.only,
  database: values.database,
  seconds: Number(values.seconds),
  onRow(name: string) {
    measuring = `attacks, ${name},`;
    deadline.refresh();
  },
};
const peerSettings = {
  seconds: attackSettings.seconds,
  rounds: Number(values.rounds),
  onPart: () => void deadline.refresh(),
};
const problem =
  attackProblem(attackSettings) ??
  (peerSettings.rounds >= 1
    ? null
    : "--rounds must be a number of at least 1. Leave it out for 5.");
if (problem !== null) {
  console.error(problem);
  process.exit(1);
}
const unknown = positionals.filter((name) => !Object.hasOwn(MEASUREMENTS, name));
if (unknown.length > 0) {
  console.error(
    `No measurement is called ${unknown.join(", ")}. Name some of ${Object.keys(MEASUREMENTS).join(", ")}.`,
  );
  process.exit(1);
}
const folder = mkdtempSync(join(tmpdir(), "runcomfy-graphql-bench-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
// Each program that runs is ended with this one by a listener.
process.setMaxListeners(32);
let measuring = "";
const deadline = setTimeout(() => {
  console.error(
    `The benchmark ${measuring} took more than ${DEADLINE_MS / 1_000} s. Run it on a quieter machine.`,
  );
  process.exit(1);
}, DEADLINE_MS).unref();

const figures: Figure[] = [];
for (const [name, measure] of Object.entries(MEASUREMENTS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  console.error(`Measuring: ${name}`);
  measuring = name;
  deadline.refresh();
  // One for each, because it remembers every request.
  await using upstream = await startFaultyUpstream();
  figures.push(...(await measure(upstream, folder)));
}
console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown"}\n`);
if (figures.length > 0) console.log(toMarkdown(figures));
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(figures, null, 2));
