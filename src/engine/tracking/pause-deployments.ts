import { isDeploymentId } from "../runcomfy/kinds/find-kind.ts";
import type { JobStore } from "../store/job-store.ts";
import { type Known, refuseMissing } from "./submission.ts";

/** Pauses deployments, and resumes them, on all gateways. */
export class DeploymentPauser {
  readonly #given;

  constructor(
    dependencies: Known & {
      readonly pausedDeployments: Pick<JobStore["pausedDeployments"], "pause" | "resume">;
      /** Notified that this gateway has resumed one. */
      readonly onResume?: (() => void) | undefined;
    },
  ) {
    this.#given = dependencies;
  }

  /**
   * Refuses direct submits to a deployment from then on, or changes why they are refused. Rejects with a
   * `DeploymentNotFoundError`, and with QUOTA_EXCEEDED where too many are paused.
   */
  async pauseDeployment(id: string, reason: string): Promise<void> {
    await refuseMissing(id, this.#given);
    await this.#given.pausedDeployments.pause(id, reason);
  }

  /** Ends that, also of a deployment that may no longer run here. Rejects with a `DeploymentNotFoundError`. */
  async resumeDeployment(id: string): Promise<void> {
    const { pausedDeployments, onResume } = this.#given;
    if (isDeploymentId(id) && (await pausedDeployments.resume(id))) return onResume?.();
    await refuseMissing(id, this.#given);
  }
}
