import { execFileSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { cpus } from "node:os";

import manifest from "../package.json" with { type: "json" };
import type { Figure } from "./figure.ts";
import { measurePeerReads } from "./peer-reads.ts";
import type { PeerSettings } from "./peer-servers.ts";
import { measurePeerWatchers } from "./peer-watchers.ts";

type Aim = {
  /** A figure, and the one that it is divided by; null where its value counts. */
  readonly name: string;
  readonly against: string | null;
  readonly most: number;
};

/** As the columns of the table, after date, commit and machine. */
const AIMS: readonly Aim[] = [
  toAim("CPU of job(id)", "stock Yoga", 0.45),
  toAim("CPU of job(id)", "mercurius-jit", 2.5),
  { name: "p99 of job(id): gateway", against: "p50 of job(id): gateway", most: 2.5 },
  toAim("CPU of a page of 20 jobs", "stock Yoga", 0.6),
  ...toWatcherAims("5000 watchers on 5000 sockets", { last: 1.25, cpu: 1.3 }),
  ...toWatcherAims("5000 watchers on 100 sockets", { last: 1.15, cpu: 1.2 }),
];
const TABLE = new URL("peers.md", import.meta.url);
/** A run that has less is not added to the table. */
const WHOLE = { seconds: 10, rounds: 5 };

/**
 * Measures the gateway beside its peers, prints each ratio with its aim, and adds them to the table. On Linux, the servers have
 * core 0 and this program core 1. A bad answer makes the program exit with 1.
 */
export async function measurePeers(
  settings: Omit<PeerSettings, "core"> & { readonly seconds: number },
): Promise<Figure[]> {
  const commit = readCommit();
  console.log(toVersions(commit));
  const pinned = { ...settings, core: pin() ? 0 : undefined };
  const parts = [
    await measurePeerReads(pinned, settings.seconds * 1_000),
    await measurePeerWatchers(pinned, 5_000),
    await measurePeerWatchers(pinned, 100),
  ];
  const figures = parts.flatMap((part) => part.figures);
  const values = AIMS.map((aim) => findValue(figures, aim).toFixed(2));

  console.log("\n| figure | ÷ | value | aim |\n| --- | --- | ---: | ---: |");
  for (const [index, { name, against, most }] of AIMS.entries()) {
    const value = values[index] ?? "";
    const cell = Number(value) > most ? `**${value}**` : value;
    console.log(`| ${name} | ${against ?? ""} | ${cell} | ≤ ${most} |`);
  }
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}`;
  const today = new Date().toISOString().slice(0, 10);
  const row = `| ${[today, commit, machine, ...values].join(" | ")} |\n`;
  const bad = parts.reduce((sum, part) => sum + part.bad, 0);
  if (bad > 0) {
    console.error(
      `\n${bad} answers were wrong or missing, so these figures don't count. Fix that first.`,
    );
    process.exitCode = 1;
  } else if (settings.seconds < WHOLE.seconds || settings.rounds < WHOLE.rounds) {
    console.log(`\nToo short a run for bench/peers.md:\n${row}`);
  } else {
    appendFileSync(TABLE, row);
    console.log(`\nAdded to bench/peers.md:\n${row}`);
  }
  return figures;
}

function toAim(what: string, peer: string, most: number): Aim {
  return { name: `${what}: gateway`, against: `${what}: ${peer}`, most };
}

function toWatcherAims(
  where: string,
  { last, cpu }: { last: number; cpu: number },
): readonly Aim[] {
  return [
    toAim(`last of ${where}`, "prepared bytes", last),
    toAim(`CPU a message, ${where}`, "prepared bytes", cpu),
    { name: `first of ${where}: gateway`, against: null, most: 8 },
    { name: `memory a watcher, ${where}: gateway`, against: null, most: 15 },
  ];
}

function findValue(figures: readonly Figure[], { name, against }: Aim): number {
  const figure = figures.find(
    (one) => one.name === name && (against ?? one.against) === one.against,
  );
  return (against === null ? figure?.value : figure?.ratio) ?? NaN;
}

function readCommit(): string {
  const words = ["describe", "--always", "--dirty", "--exclude=*"];
  return execFileSync("git", words, { encoding: "utf8" }).trim();
}

function toVersions(commit: string): string {
  const { dependencies, devDependencies } = manifest;
  const { "graphql-yoga": yoga, "graphql-ws": graphqlWs, "graphql-jit": jit, ws } = dependencies;
  const { mercurius, fastify } = devDependencies;
  return `Gateway ${commit}, graphql-yoga ${yoga}, graphql-ws ${graphqlWs}, ws ${ws}, mercurius ${mercurius}, graphql-jit ${jit}, fastify ${fastify}\n`;
}

/** Pins all threads of this process to core 1. False where that can't be done. */
function pin(): boolean {
  try {
    execFileSync("taskset", ["-a", "-c", "-p", "1", String(process.pid)], { stdio: "ignore" });
    return true;
  } catch {
    console.error(
      "Without taskset and two cores, nothing is pinned: the servers and this client share all cores.",
    );
    return false;
  }
}
