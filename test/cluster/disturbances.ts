import { setTimeout as sleep } from "node:timers/promises";

import type { PostgresServer } from "../support/postgres-server.ts";
import type { Cluster, Member } from "./cluster.ts";
import { crashPostgres, refuseWrites } from "./database-faults.ts";

/** What a disturbance works on; `choice` is a number to choose by, and `lastingMs` how long it is to last. */
type Scene = {
  readonly cluster: Cluster;
  readonly postgres: PostgresServer;
  readonly choice: number;
  readonly lastingMs: number;
};

/** What may befall a cluster. */
export type Disturbance = {
  readonly name: string;
  /** What it befalls; two of one target exclude each other. */
  readonly target: "gateways" | "database" | "upstream";
  /** Whether the fate of every submit is known in the end. */
  readonly leavesNoDoubt?: true;
  /** Whether feeds may have to begin anew. */
  readonly mayReset?: true;
  /** Whether it comes as long as any, and with many jobs in flight. */
  readonly isLarge?: true;
  /** Ends with everything in place again, though not yet recovered. */
  readonly run: (scene: Scene) => Promise<void>;
};

const START_ATTEMPTS = 120;
const START_PAUSE_MS = 1_000;
const HOUR_SECONDS = 3_600;

/** All of them. */
export const DISTURBANCES: readonly Disturbance[] = [
  {
    name: "kill -9 of a gateway",
    target: "gateways",
    async run({ cluster, choice }) {
      await cluster.remove(choose(cluster, choice), "SIGKILL");
      await addSupervised(cluster);
    },
  },
  {
    name: "a frozen gateway",
    target: "gateways",
    async run({ cluster, choice, lastingMs }) {
      const { process } = choose(cluster, choice);
      process.signal("SIGSTOP");
      await sleep(lastingMs);
      process.signal("SIGCONT");
    },
  },
  {
    name: "a rolling restart",
    target: "gateways",
    leavesNoDoubt: true,
    async run({ cluster }) {
      for (const member of cluster.members()) {
        await addSupervised(cluster);
        await cluster.remove(member, "SIGTERM");
      }
    },
  },
  {
    name: "a gateway with its clock an hour off",
    target: "gateways",
    leavesNoDoubt: true,
    async run({ cluster, choice, lastingMs }) {
      const clockShiftSeconds = choice % 2 === 0 ? HOUR_SECONDS : -HOUR_SECONDS;
      const wrong = await addSupervised(cluster, { clockShiftSeconds });
      await sleep(lastingMs);
      await cluster.remove(wrong, "SIGTERM");
    },
  },
  {
    name: "a Postgres that restarts",
    target: "database",
    run: ({ postgres }) => postgres.restart(),
  },
  {
    name: "a Postgres that crashes",
    target: "database",
    mayReset: true,
    run: ({ cluster }) => crashPostgres(cluster),
  },
  {
    name: "a Postgres that drops connections",
    target: "database",
    run: (scene) => cut(scene, "databaseLink", "drop"),
  },
  {
    name: "a Postgres behind a black hole",
    target: "database",
    run: (scene) => cut(scene, "databaseLink", "blackHole"),
  },
  {
    name: "a Postgres that refuses writes",
    target: "database",
    async run({ cluster, lastingMs }) {
      await refuseWrites(cluster, true);
      await sleep(lastingMs);
      await refuseWrites(cluster, false);
    },
  },
  {
    name: "an upstream that can't be connected to",
    target: "upstream",
    run: (scene) => cut(scene, "upstreamLink", "drop"),
  },
  {
    name: "an upstream behind a black hole",
    target: "upstream",
    run: (scene) => cut(scene, "upstreamLink", "blackHole"),
  },
  {
    name: "an upstream whose reads fail",
    target: "upstream",
    leavesNoDoubt: true,
    async run({ cluster: { upstream }, lastingMs }) {
      upstream.setFault("html-503", ["status", "result"]);
      await sleep(lastingMs);
      upstream.setFault(null);
    },
  },
  {
    name: "an upstream that is down",
    target: "upstream",
    leavesNoDoubt: true,
    isLarge: true,
    async run({ cluster: { upstream }, lastingMs }) {
      upstream.setFault("rate-limited-without-time");
      await sleep(lastingMs);
      upstream.setFault(null);
    },
  },
];

/** The one of that name. */
export function findDisturbance(name: string): Disturbance {
  const found = DISTURBANCES.find((one) => one.name === name);
  if (found === undefined) throw new Error(`Nothing is called ${name}.`);
  return found;
}

async function cut(
  { cluster, lastingMs }: Scene,
  link: "databaseLink" | "upstreamLink",
  how: "drop" | "blackHole",
): Promise<void> {
  cluster[link][how]();
  await sleep(lastingMs);
  cluster[link].heal();
}

function choose(cluster: Cluster, choice: number): Member {
  const members = cluster.members();
  const chosen = members[choice % members.length];
  if (chosen === undefined) throw new Error("There is no gateway; start one first.");
  return chosen;
}

/** Starts one until it stays, as a supervisor does: with its database away, a gateway does not start. */
async function addSupervised(
  cluster: Cluster,
  options?: Parameters<Cluster["add"]>[0],
): Promise<Member> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await cluster.add(options);
    } catch (error) {
      if (attempt === START_ATTEMPTS) throw error;
      await sleep(START_PAUSE_MS);
    }
  }
}
