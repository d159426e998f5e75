import type { SandboxDeployment } from "./catalogue.ts";
import type { StoredRequest } from "./request-store.ts";
import { isFailureWanted, KEEP_WARM_MS, RUNNERS } from "./schedule.ts";

/** The answer to an accepted request. `base` is the URL of the deployment, as the client spelled its version. */
export function toSubmitted(base: string, requestId: string) {
  const request = `${base}/requests/${requestId}`;
  return {
    request_id: requestId,
    status_url: `${request}/status`,
    result_url: `${request}/result`,
    cancel_url: `${request}/cancel`,
  };
}

/** The answer of /status; it has a queue position only while the request waits. */
export function toStatus(base: string, requestId: string, stored: StoredRequest) {
  const { status_url, result_url } = toSubmitted(base, requestId);
  return {
    request_id: requestId,
    status: toStatusWord(stored),
    ...(stored.state === "in_queue" && { queue_position: stored.queuePosition }),
    result_url,
    status_url,
  };
}

/** The answer of /result; `origin` is where the files are. */
export function toResult(
  origin: string,
  deployment: SandboxDeployment,
  requestId: string,
  stored: StoredRequest,
) {
  const status = toStatusWord(stored);
  const urls = listFiles(deployment, stored).map((name) => `${origin}/files/${requestId}/${name}`);
  const isEnded = stored.state === "finished" || stored.state === "cancelled";
  return {
    request_id: requestId,
    status,
    ...(status === "succeeded" && { output: { [deployment.media]: urls } }),
    ...(status === "failed" && { error: FAILURE }),
    created_at: toTimestamp(stored.acceptedAt),
    ...(isEnded && { finished_at: toTimestamp(stored.finishAt) }),
  };
}

/** The names of the files a request made; none unless it succeeded. */
export function listFiles(deployment: SandboxDeployment, stored: StoredRequest): string[] {
  if (toStatusWord(stored) !== "succeeded") return [];
  if (deployment.media === "videos") return ["0.webp"];
  const length = Math.min(stored.input.num_frames, MAX_IMAGES);
  return Array.from({ length }, (_, index) => `${index}.png`);
}

/** A deployment as the list of deployments shows it. */
export function toListedDeployment(deployment: SandboxDeployment) {
  return {
    id: deployment.id,
    name: deployment.name,
    hardware: ["AMPERE_48"],
    min_instances: 0,
    max_instances: RUNNERS,
    queue_size: 1,
    keep_warm_duration_in_seconds: KEEP_WARM_MS / 1_000,
    status: "standby",
    is_enabled: true,
    created_at: DEPLOYED_AT,
    updated_at: DEPLOYED_AT,
  };
}

const MAX_IMAGES = 4;
const DEPLOYED_AT = "2025-07-01T09:00:00.000000";
const FAILURE = {
  type: "InferenceError",
  message: "The prompt asks for a failure.",
};

function toStatusWord({ state, input }: StoredRequest): string {
  if (state !== "finished") return state;
  return isFailureWanted(input) ? "failed" : "succeeded";
}

/** Microseconds and no zone, as the contract spells times. */
function toTimestamp(timeMs: number): string {
  return new Date(timeMs).toISOString().replace("Z", "000");
}
