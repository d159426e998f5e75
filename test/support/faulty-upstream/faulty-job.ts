import { randomUUID } from "node:crypto";

/** The kinds of jobs that the faulty upstream runs. */
export type FaultyKind = "lora" | "comfyui" | "model";

/** A job of the faulty upstream: where it stands, and the statuses that the next polls will show. */
export type FaultyJob = {
  readonly requestId: string;
  readonly kind: FaultyKind;
  readonly deploymentId: string;
  readonly createdAt: Date;
  status: string;
  script: readonly string[];
  result: Readonly<Record<string, unknown>>;
};

const DEFAULT_SCRIPT = ["in_queue", "in_progress", "succeeded"];
const FILE = "https://files.runcomfy.net/output-1.png";
const DEFAULT_RESULTS: Readonly<Record<FaultyKind, Readonly<Record<string, unknown>>>> = {
  lora: { output: { images: [FILE] } },
  comfyui: {
    outputs: {
      9: { images: [{ url: FILE, filename: "o.png", subfolder: "", type: "output" }] },
      12: { images: [{ url: `${FILE}?preview`, type: "temp" }], text: [["a line", FILE]] },
      30: { images: [{ url: `${FILE}?other`, type: "output" }] },
    },
    instance_id: "i-91",
  },
  model: { output: { image: FILE }, cost: 0.04 },
};

/** Makes a job that has just been accepted. */
export function createFaultyJob(
  kind: FaultyKind,
  deploymentId: string,
  script: readonly string[] = DEFAULT_SCRIPT,
): FaultyJob {
  return {
    requestId: randomUUID(),
    kind,
    deploymentId,
    createdAt: new Date(),
    status: script[0] ?? "in_queue",
    script,
    result: DEFAULT_RESULTS[kind],
  };
}

/** Takes the next step of the job's script, and gives the contract's answer of /status. */
export function poll(job: FaultyJob, queuePosition = 0): Record<string, unknown> {
  job.status = job.script[0] ?? job.status;
  if (job.script.length > 1) job.script = job.script.slice(1);
  return {
    request_id: job.requestId,
    status: toStatusWord(job),
    ...(job.status === "in_queue" && { queue_position: queuePosition }),
  };
}

/** Those of workflows and models don't say on /status how they ended. */
function toStatusWord({ kind, status }: FaultyJob): string {
  return kind !== "lora" && ["succeeded", "failed"].includes(status) ? "completed" : status;
}

/** The contract's answer of /result. */
export function toResult(job: FaultyJob): Record<string, unknown> {
  const base = { request_id: job.requestId, status: job.status };
  if (["in_queue", "in_progress"].includes(job.status)) return base;
  const times = {
    created_at: toContractTime(job.createdAt),
    finished_at: toContractTime(new Date()),
  };
  return job.status === "cancelled" ? { ...base, ...times } : { ...base, ...times, ...job.result };
}

/** Cancels a queued job, and gives the contract's answer. */
export function cancel(job: FaultyJob): Record<string, unknown> {
  const isQueued = job.status === "in_queue";
  if (isQueued) {
    job.status = "cancelled";
    job.script = ["cancelled"];
  }
  return {
    request_id: job.requestId,
    status: "completed",
    outcome: isQueued ? "cancelled" : "not_cancellable",
  };
}

/** Microseconds and no zone. */
function toContractTime(time: Date): string {
  return time.toISOString().replace("Z", "000");
}
