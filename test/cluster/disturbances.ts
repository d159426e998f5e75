import { setTimeout as sleep } from "node:timers/promises";

import type { PostgresServer } from "../support/postgres-server.ts";
import type { Cluster, Member } from "./cluster.ts";
import { refuseWrites } from "./refuse-writes.ts";

/** What a disturbance works on; `pick` gives a number from 0 to below its limit, and `lastingMs` how long it is to last. */
export type Scene = {
  readonly cluster: Cluster;
  readonly postgres: PostgresServer;
  readonly pick: (limit: number) => number;
  readonly lastingMs: number;
};

/** What may befall a cluster. Each ends with everything in place again, though not yet recovered. */
export const DISTURBANCES: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  async "kill -9 of a gateway"({ cluster, pick }) {
    await cluster.remove(choose(cluster, pick), "SIGKILL");
    await cluster.add();
  },
  async "a frozen gateway"({ cluster, pick, lastingMs }) {
    const { process } = choose(cluster, pick);
    process.signal("SIGSTOP");
    await sleep(lastingMs);
    process.signal("SIGCONT");
  },
  async "a rolling restart"({ cluster }) {
    for (const member of cluster.members()) {
      await cluster.add();
      await cluster.remove(member, "SIGTERM");
    }
  },
  async "a gateway with its clock an hour off"({ cluster, pick, lastingMs }) {
    const wrong = await cluster.add({ clockShiftSeconds: pick(2) === 0 ? 3_600 : -3_600 });
    await sleep(lastingMs);
    await cluster.remove(wrong, "SIGTERM");
  },
  async "a Postgres that restarts"({ postgres }) {
    await postgres.restart();
  },
  async "a Postgres that drops connections"({ cluster, lastingMs }) {
    cluster.databaseLink.drop();
    await sleep(lastingMs);
    cluster.databaseLink.heal();
  },
  async "a Postgres behind a black hole"({ cluster, lastingMs }) {
    cluster.databaseLink.blackHole();
    await sleep(lastingMs);
    cluster.databaseLink.heal();
  },
  async "a Postgres that refuses writes"({ cluster, lastingMs }) {
    await refuseWrites(cluster, true);
    await sleep(lastingMs);
    await refuseWrites(cluster, false);
  },
  async "an upstream that can't be connected to"({ cluster, lastingMs }) {
    cluster.upstreamLink.drop();
    await sleep(lastingMs);
    cluster.upstreamLink.heal();
  },
  async "an upstream behind a black hole"({ cluster, lastingMs }) {
    cluster.upstreamLink.blackHole();
    await sleep(lastingMs);
    cluster.upstreamLink.heal();
  },
  async "an upstream whose reads fail"({ cluster, lastingMs }) {
    cluster.upstream.setFault("html-503", ["status", "result"]);
    await sleep(lastingMs);
    cluster.upstream.setFault(null);
  },
};

function choose(cluster: Cluster, pick: Scene["pick"]): Member {
  const members = cluster.members();
  const chosen = members[pick(members.length)];
  if (chosen === undefined) throw new Error("There is no gateway; start one first.");
  return chosen;
}
