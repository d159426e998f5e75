import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

import { clock } from "../../runtime/environment.ts";
import type { Channel, Channels } from "../../engine/diagnostics/channels.ts";
import { createSubscriptions } from "../../engine/diagnostics/channels.ts";
import type { Job } from "../../engine/job/job.ts";
import { isFinal, isFinished, JOB_STATUSES } from "../../engine/job/job.ts";
import { RunComfyError } from "../../engine/runcomfy/runcomfy-error.ts";
import type { JobStore } from "../../engine/store/job-store.ts";
import type { Figure } from "../../engine/diagnostics/figure.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Observed } from "../../part.ts";

const PREFIX = "runcomfy_gateway_";
/** Beyond these, deployments are counted as one: each label is a row for as long as the process lives. */
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
  version,
  figures,
  engine,
  log,
}: Pick<Observed, "channels" | "version" | "figures"> & {
  /** Null until it is open. */
  readonly engine: () => Sources | null;
  readonly log: Pick<Observed["log"], "error">;
}) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: PREFIX });
  const { on, close } = createSubscriptions(log);
  const observer = createObserver(registry, channels, on);
  observeOperations(observer);
  observeUpstream(observer);
  observeJobs(observer);
  measureEngine(observer, engine);
  observer.gauge(["build_info", "The version that runs.", ["version"]]).set({ version }, 1);
  const measured = new Set<Figure>();
  return {
    contentType: registry.contentType,
    /** Unfinished jobs are those of all gateways, counted to 10,000 of each status. */
    async metrics(): Promise<string> {
      for (const figure of figures) {
        if (!measured.has(figure)) observer.show(figure);
        measured.add(figure);
      }
      return await registry.metrics();
    },
    /** Counts nothing more. */
    close,
  };
}

type Observer = ReturnType<typeof createObserver>;

/** What makes metrics, under the gateway's names, of what is published. */
function createObserver(
  registry: Registry,
  channels: Channels,
  on: ReturnType<typeof createSubscriptions>["on"],
) {
  const toFacts = (name: string, help: string, labelNames: readonly string[] = []) => {
    return { name: PREFIX + name, help, labelNames, registers: [registry] };
  };
  type Facts = Parameters<typeof toFacts>;
  const count = (...facts: Facts) => new Counter(toFacts(...facts));
  return {
    channels,
    on,
    count,
    /** Counts what comes on a channel, by what it says. */
    countEach(label: string, channel: Channel<string>, name: string, help: string) {
      const counter = count(name, help, [label]);
      on(channel, (value) => counter.inc({ [label]: value }));
      return counter;
    },
    measure: (buckets: number[], ...facts: Facts) =>
      new Histogram({ ...toFacts(...facts), buckets }),
    show(figure: Figure): Counter | Gauge {
      const { name, help, label } = figure;
      const Kind = name.endsWith("_total") ? Counter : Gauge;
      const labels = label === undefined ? [] : [label];
      return new Kind({
        ...toFacts(name, help, labels),
        collect() {
          this.reset();
          const found = figure.read();
          if (typeof found === "number") return this.inc(found);
          for (const [value, number] of found) this.inc({ [labels[0] ?? ""]: value }, number);
        },
      });
    },
    gauge(facts: Facts, collect: (gauge: Gauge) => unknown = () => undefined) {
      return new Gauge({
        ...toFacts(...facts),
        async collect() {
          await collect(this);
        },
      });
    },
  };
}

function observeOperations({ channels, on, count, countEach, measure }: Observer): void {
  const operations = count(
    "operations_total",
    "GraphQL operations that ran, by how they ended and the code of their first error.",
    ["kind", "outcome", "code"],
  );
  const seconds = measure(
    SECONDS,
    "operation_duration_seconds",
    "How long operations took; of subscriptions, until they had begun.",
    ["kind"],
  );
  // What comes into being with its first count has not increased for Prometheus, so no alert would fire.
  for (const kind of ["query", "mutation", "subscription"])
    operations.inc({ kind, outcome: "error", code: "INTERNAL_SERVER_ERROR" }, 0);
  on(channels.operation.asyncEnd, ({ kind, startedAt, error, code }) => {
    if (error !== undefined) return;
    operations.inc({ kind, outcome: code === null ? "ok" : "error", code: code ?? "" });
    seconds.observe({ kind }, secondsSince(startedAt));
  });
  on(channels.failedEvent, (code) =>
    operations.inc({ kind: "subscription", outcome: "error", code }),
  );
  const events = count("events_total", "Events sent to watchers.", ["of"]);
  on(channels.sent, ({ of }) => events.inc({ of }));
  const { refused } = channels;
  countEach(
    "limit",
    refused,
    "refusals_total",
    "What owners were refused, by which of their limits.",
  );
}

function observeUpstream({ channels, on, count, countEach, measure }: Observer): void {
  const calls = count(
    "upstream_calls_total",
    "Requests to RunComfy, polls and probes among them, by how they ended.",
    ["call", "code"],
  );
  const seconds = measure(
    SECONDS,
    "upstream_call_duration_seconds",
    "How long requests to RunComfy took.",
    ["call"],
  );
  on(channels.call.asyncEnd, ({ call, startedAt, error }) => {
    const failure = error instanceof RunComfyError ? error.code : "ABORTED";
    calls.inc({ call, code: error === undefined ? "ok" : failure });
    seconds.observe({ call }, secondsSince(startedAt));
  });
  countEach("outcome", channels.polled, "polls_total", "Polls of jobs, by outcome.");
  const help = "RunComfy's calls about jobs that have ended, by whether they were taken.";
  countEach("outcome", channels.upstreamWebhooks, "upstream_webhooks_total", help).inc(
    { outcome: "taken" },
    0,
  );
  const takenOver = count(
    "claims_taken_over_total",
    "Polls that were not made within 9 s of their claim, and claimed again.",
  );
  on(channels.takenOver, () => takenOver.inc());
}

function observeJobs({ channels, on, count, countEach, measure, gauge }: Observer): void {
  const { submitted, settled } = channels;
  const help = "Submits to RunComfy, by outcome.";
  const submits = countEach("outcome", submitted, "submits_total", help);
  submits.inc({ outcome: "unknown" }, 0);
  const lastUnknown = gauge([
    "submit_unknown_timestamp_seconds",
    "When a submit last became unknown. What begins with a crash is no increase of a counter.",
  ]);
  countEach(
    "state",
    settled,
    "files_settled_total",
    "Files of outputs that were fetched or given up, by outcome.",
  ).inc({ state: "FAILED" }, 0);
  const ends = count("jobs_ended_total", "Jobs whose end this gateway wrote down.", [
    "status",
    "deployment",
  ]);
  const of = ["deployment"];
  const queueSeconds = measure(
    LONG_SECONDS,
    "job_queue_seconds",
    "How long jobs that ended had waited to start.",
    of,
  );
  const runSeconds = measure(
    LONG_SECONDS,
    "job_run_seconds",
    "How long jobs that ended had run.",
    of,
  );
  const lateness = measure(
    SECONDS,
    "job_end_lateness_seconds",
    "From the end of a job by RunComfy's clock until the gateway had noted it.",
    of,
  );
  const deployments = new Set<string>();
  function toLabel(deploymentId: string): string {
    if (deployments.size < MAX_DEPLOYMENTS) deployments.add(deploymentId);
    return deployments.has(deploymentId) ? deploymentId : OTHER;
  }

  on(channels.stored, (job: Job) => {
    if (!isFinished(job)) return;
    // Without RunComfy's word for it, the id may be anything that a client made up.
    const deployment = job.requestId === null ? OTHER : toLabel(job.deploymentId);
    const { sentAt, startedAt, finishedAt, updatedAt, error } = job;
    // Counted here, as most of them are stored after a gateway died during its submit.
    if (error?.code === "SUBMISSION_UNKNOWN") {
      submits.inc({ outcome: "unknown" });
      lastUnknown.set(updatedAt.getTime() / 1_000);
    }
    ends.inc({ status: job.status, deployment });
    if (sentAt !== null && startedAt !== null)
      queueSeconds.observe({ deployment }, secondsOf(sentAt, startedAt));
    if (startedAt !== null && finishedAt !== null)
      runSeconds.observe({ deployment }, secondsOf(startedAt, finishedAt));
    // Where RunComfy gave no time, or the end was the gateway's own, it is when that was noted.
    if (finishedAt !== null && finishedAt < updatedAt)
      lateness.observe({ deployment }, secondsOf(finishedAt, updatedAt));
  });
}

/** What is asked whenever somebody reads. */
type Sources = {
  readonly store: Pick<JobStore, "ping"> & { readonly jobs: Pick<JobStore["jobs"], "count"> };
  readonly health: Pick<Engine["health"], "outageMs" | "failingDeployments">;
};

function measureEngine({ gauge }: Observer, engine: () => Sources | null): void {
  gauge(["outages_open", "Whether RunComfy keeps failing, and how many deployments do."], (one) => {
    const health = engine()?.health;
    if (health !== undefined)
      one.set((health.outageMs() === null ? 0 : 1) + health.failingDeployments().length);
  });
  // One count for both: gauges are read together, each by its own `collect`, in the order in which they were made.
  let counted: Promise<Awaited<ReturnType<typeof countUnfinished>> | null>;
  const help = "Jobs of all gateways that have not ended, counted to 10,000 of each status.";
  gauge(["jobs_unfinished", help, ["status"]], async (one) => {
    const store = engine()?.store;
    const late = clock.sleep(DATABASE_PATIENCE_MS, { ref: false }).then(() => null);
    counted = Promise.race([
      store === undefined ? null : countUnfinished(store).catch(() => null),
      late,
    ]);
    const found = await counted;
    one.reset();
    for (const { status, jobs } of found ?? []) one.set({ status }, jobs);
  });
  gauge(
    ["database_up", "Whether the database answers within 3 s, and takes writes."],
    async (one) => {
      // A start may take long, and says nothing of the database.
      if (engine() === null) one.remove({});
      else one.set((await counted) === null ? 0 : 1);
    },
  );
}

async function countUnfinished({ jobs, ping }: Sources["store"]) {
  await ping();
  return await Promise.all(
    UNFINISHED.map(async (status) => ({
      status,
      jobs: (await jobs.count({ statuses: [status] })) ?? 0,
    })),
  );
}

/** By the monotonic clock. */
function secondsSince(startedAt: number): number {
  return (clock.monotonic() - startedAt) / 1_000;
}

function secondsOf(from: Date, to: Date): number {
  return Math.max(0, to.getTime() - from.getTime()) / 1_000;
}
