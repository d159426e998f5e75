import { setTimeout as delay } from "node:timers/promises";

import type { BaseLogger } from "pino";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

import type { Channels } from "../diagnostics/channels.ts";
import { createSubscriptions } from "../diagnostics/channels.ts";
import type { Job, JobStatus } from "../job/job.ts";
import { isFinal, isFinished, JOB_STATUSES } from "../job/job.ts";
import { findCode } from "../operations/create-operations.ts";
import type { UpstreamHealth } from "../runcomfy/upstream-health.ts";
import { RunComfyError } from "../runcomfy/runcomfy-error.ts";
import type { JobStore } from "../store/job-store.ts";
import { serveMetrics } from "./serve-metrics.ts";

/** Beyond these, deployments are told as one: each label is a row for as long as the process lives. */
const MAX_DEPLOYMENTS = 100;
const OTHER = "other";
const DATABASE_PATIENCE_MS = 3_000;

const UNFINISHED = JOB_STATUSES.filter((status) => !isFinal(status));
const SECONDS = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const LONG_SECONDS = [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600];

/**
 * What the gateway counts and measures of itself, for Prometheus. No label comes from a client: deployments are those of
 * jobs that RunComfy accepted, and codes are the gateway's own.
 */
export function createMetrics({
  channels,
  log,
}: {
  readonly channels: Channels;
  readonly log: Pick<BaseLogger, "error">;
}) {
  const registry = new Registry();
  const registers = [registry];
  const toName = (name: string): string => `runcomfy_gateway_${name}`;
  const count = (name: string, help: string, labelNames: readonly string[]) =>
    new Counter({ name: toName(name), help, labelNames, registers });
  const measure = (
    name: string,
    help: string,
    labelNames: readonly string[],
    buckets: readonly number[],
  ) => new Histogram({ name: toName(name), help, labelNames, buckets: [...buckets], registers });

  const operations = count(
    "operations_total",
    "GraphQL operations that ran, by how they ended and the code of their first error.",
    ["kind", "outcome", "code"],
  );
  const operationSeconds = measure(
    "operation_duration_seconds",
    "How long operations took; of subscriptions, until they had begun.",
    ["kind"],
    SECONDS,
  );
  const submits = count("submits_total", "Submits to RunComfy, by what became of them.", [
    "outcome",
  ]);
  const calls = count(
    "upstream_calls_total",
    "Requests to RunComfy, polls and probes among them, by how they ended.",
    ["call", "code"],
  );
  const callSeconds = measure(
    "upstream_call_duration_seconds",
    "How long requests to RunComfy took.",
    ["call"],
    SECONDS,
  );
  const lastUnknown = new Gauge({
    name: toName("submit_unknown_timestamp_seconds"),
    help: "When a submit last became unknown. What begins with a crash is no increase of a counter.",
    registers,
  });
  const polls = count("polls_total", "Polls of jobs, by what they told.", ["outcome"]);
  const takenOver = count(
    "claims_taken_over_total",
    "Polls that were not made within 9 s of their claim, and claimed again.",
    [],
  );
  const refusals = count("refusals_total", "What owners were refused, by which of their limits.", [
    "limit",
  ]);
  const events = count("events_total", "Events that watchers were told.", ["of"]);
  const ends = count("jobs_ended_total", "Jobs whose end this gateway wrote down.", [
    "status",
    "deployment",
  ]);
  const files = count(
    "files_settled_total",
    "Files of outputs that were fetched or given up, by what became of them.",
    ["state"],
  );
  const queueSeconds = measure(
    "job_queue_seconds",
    "How long jobs that ended had waited to start.",
    ["deployment"],
    LONG_SECONDS,
  );
  const runSeconds = measure(
    "job_run_seconds",
    "How long jobs that ended had run.",
    ["deployment"],
    LONG_SECONDS,
  );
  const lateness = measure(
    "job_end_lateness_seconds",
    "From the end of a job by RunComfy's clock until it was told.",
    ["deployment"],
    SECONDS,
  );
  // What comes into being with its first count has not increased for Prometheus, and no alert would tell of it.
  for (const kind of ["query", "mutation", "subscription"])
    operations.inc({ kind, outcome: "error", code: "INTERNAL_SERVER_ERROR" }, 0);
  submits.inc({ outcome: "unknown" }, 0);
  files.inc({ state: "FAILED" }, 0);
  collectDefaultMetrics({ register: registry, prefix: toName("") });

  const deployments = new Set<string>();
  function toLabel(deploymentId: string): string {
    if (deployments.size < MAX_DEPLOYMENTS) deployments.add(deploymentId);
    return deployments.has(deploymentId) ? deploymentId : OTHER;
  }

  function noteEnd(job: Job): void {
    // Without RunComfy's word for it, the id may be anything that a client made up.
    const deployment = job.requestId === null ? OTHER : toLabel(job.deploymentId);
    const { startedAt, finishedAt, error } = job;
    // Here, as most of them are written down after a gateway died over its submit.
    if (error?.code === "SUBMISSION_UNKNOWN") {
      submits.inc({ outcome: "unknown" });
      lastUnknown.set(job.updatedAt.getTime() / 1_000);
    }
    ends.inc({ status: job.status, deployment });
    if (startedAt !== null)
      queueSeconds.observe({ deployment }, secondsOf(job.createdAt, startedAt));
    if (startedAt !== null && finishedAt !== null)
      runSeconds.observe({ deployment }, secondsOf(startedAt, finishedAt));
    // Where RunComfy gave no time, or the end was the gateway's own, it is when that was noted.
    if (finishedAt !== null && finishedAt < job.updatedAt)
      lateness.observe({ deployment }, secondsOf(finishedAt, job.updatedAt));
  }

  const { on, close } = createSubscriptions(log);
  on(channels.operation.asyncEnd, ({ kind, startedAt, error, result }) => {
    if (error !== undefined) return;
    const code = findCode(result);
    operations.inc({ kind, outcome: code === null ? "ok" : "error", code: code ?? "" });
    operationSeconds.observe({ kind }, secondsSince(startedAt));
  });
  on(channels.failedEvent, (code) =>
    operations.inc({ kind: "subscription", outcome: "error", code }),
  );
  on(channels.call.asyncEnd, ({ call, startedAt, error }) => {
    const failure = error instanceof RunComfyError ? error.code : "ABORTED";
    calls.inc({ call, code: error === undefined ? "ok" : failure });
    callSeconds.observe({ call }, secondsSince(startedAt));
  });
  on(channels.submitted, (outcome) => submits.inc({ outcome }));
  on(channels.polled, (outcome) => polls.inc({ outcome }));
  on(channels.takenOver, () => takenOver.inc());
  on(channels.stored, (job) => {
    if (isFinished(job)) noteEnd(job);
  });
  on(channels.settled, (state) => files.inc({ state }));
  on(channels.sent, ({ of }) => events.inc({ of }));
  on(channels.refused, (limit) => refusals.inc({ limit }));

  return {
    read: () => registry.metrics(),
    serve: (at: Parameters<typeof serveMetrics>[1]) => serveMetrics(registry, at),
    /** Counts nothing more. */
    close,

    /** What is read whenever somebody asks; unfinished jobs are those of all gateways, counted to 10,000 of each status. */
    follow(sources: {
      readonly version: string;
      readonly store: CountedStore;
      readonly health: Pick<UpstreamHealth, "outageMs" | "failingDeployments">;
      readonly counts: () => { readonly sockets: number; readonly subscriptions: number };
    }): void {
      const { store, health, counts } = sources;
      const show = (name: string, help: string, collect: (gauge: Gauge) => void | Promise<void>) =>
        new Gauge({
          name: toName(name),
          help,
          registers,
          collect() {
            return collect(this);
          },
        });
      show("sockets_open", "WebSockets that are open.", (gauge) => gauge.set(counts().sockets));
      show("watchers_open", "Subscriptions that are open, event streams included.", (gauge) =>
        gauge.set(counts().subscriptions),
      );
      show(
        "outages_open",
        "Whether RunComfy keeps failing, and how many deployments do.",
        (gauge) =>
          gauge.set((health.outageMs() === null ? 0 : 1) + health.failingDeployments().length),
      );
      // One count for both: gauges are read together, each by its own `collect`, in the order in which they were made.
      let counted: Promise<Awaited<ReturnType<typeof countUnfinished>> | null>;
      registry.registerMetric(
        new Gauge({
          name: toName("jobs_unfinished"),
          help: "Jobs of all gateways that have not ended, counted to 10,000 of each status.",
          labelNames: ["status"],
          registers: [],
          async collect() {
            const late = delay(DATABASE_PATIENCE_MS, null, { ref: false });
            counted = Promise.race([countUnfinished(store).catch(() => null), late]);
            const found = await counted;
            this.reset();
            for (const { status, jobs } of found ?? []) this.set({ status }, jobs);
          },
        }),
      );
      show(
        "database_up",
        "Whether the database answers within 3 s, and takes writes.",
        async (gauge) => gauge.set((await counted) === null ? 0 : 1),
      );
      new Gauge({
        name: toName("build_info"),
        help: "The version that runs.",
        labelNames: ["version"],
        registers,
      }).set({ version: sources.version }, 1);
    },
  };
}

type CountedStore = Pick<JobStore, "ping"> & { readonly jobs: Pick<JobStore["jobs"], "count"> };

async function countUnfinished({ jobs, ping }: CountedStore) {
  await ping();
  return await Promise.all(
    UNFINISHED.map(async (status: JobStatus) => ({
      status,
      jobs: (await jobs.count({ statuses: [status] })) ?? 0,
    })),
  );
}

/** By `performance.now()`. */
function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1_000;
}

function secondsOf(from: Date, to: Date): number {
  return Math.max(0, to.getTime() - from.getTime()) / 1_000;
}
