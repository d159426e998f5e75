import type { Admission } from "../store/admission.ts";
import type { Viewer } from "../../auth/viewer.ts";
import { readableOwner } from "../../auth/viewer.ts";
import { CodedError } from "../../runtime/coded-error.ts";
import { JobNotFoundError, JobNotHeldError, notApproved } from "../job/errors.ts";
import type { Job } from "../job/job.ts";
import type { JobStore } from "../store/job-store.ts";
import type { RecordObservation } from "./record-observation.ts";

/** Changes how HELD jobs wait. Each method rejects with a JobNotFoundError, or a JobNotHeldError with the job. */
export class Holder {
  readonly #given;

  constructor(dependencies: {
    readonly store: Pick<JobStore, "jobs" | "holds">;
    readonly record: RecordObservation;
    readonly admission: Pick<Admission, "needsApproval">;
    /** Notified of a job that may be sent now. */
    readonly onReady: () => void;
  }) {
    this.#given = dependencies;
  }

  /** Lets a job wait until it is released. */
  async holdJob(jobId: string, { ownerId }: Viewer): Promise<Job> {
    return await this.#change(jobId, ownerId, (holds) => holds.hold(jobId));
  }

  /** Where the viewer's submits need an approval, the job needs one from then on. */
  async releaseJob(jobId: string, viewer: Viewer): Promise<Job> {
    const { ownerId, credential } = viewer;
    return await this.#change(jobId, ownerId, async (holds) => {
      const needsApproval =
        credential.needsApproval || (await this.#given.admission.needsApproval(viewer, jobId));
      return await holds.release(jobId, { ...credential, needsApproval });
    });
  }

  async prioritizeJob(jobId: string, { ownerId }: Viewer, priority: number): Promise<Job> {
    return await this.#change(jobId, ownerId, (holds) => holds.prioritize(jobId, priority));
  }

  /** Rejects with FORBIDDEN where the viewer's own credential submitted the job, or made it need an approval. */
  async approveJob(jobId: string, viewer: Viewer): Promise<Job> {
    const { id } = viewer.credential;
    return await this.#change(jobId, readableOwner(viewer), async (holds) => {
      const approved = await holds.approve(jobId, id);
      if (approved === null && (await this.#needsApproval(jobId))) throw toOwnSubmit();
      return approved;
    });
  }

  /** Ends a job that waits for an approval. */
  async refuseJob(jobId: string, viewer: Viewer, reason: string): Promise<Job> {
    const { store, record } = this.#given;
    const job = await store.jobs.read(jobId, readableOwner(viewer));
    if (job === null) throw new JobNotFoundError(jobId);
    if (!(await this.#needsApproval(jobId))) throw new JobNotHeldError(job);
    const ended = await record(jobId, { kind: "unsent", error: notApproved(reason) }, job);
    if (ended === null) throw new JobNotFoundError(jobId);
    if (ended.error?.code !== "NOT_APPROVED") throw new JobNotHeldError(ended);
    return ended;
  }

  async #needsApproval(jobId: string): Promise<boolean> {
    const [facts] = await this.#given.store.holds.readMany([jobId]);
    return facts?.needsApproval === true;
  }

  /** Resolves with the job as it is where it is HELD and nothing of it was to change. */
  async #change(
    jobId: string,
    ownerId: string | undefined,
    change: (holds: JobStore["holds"]) => Promise<Job | null>,
  ): Promise<Job> {
    const { store, onReady } = this.#given;
    const job = await store.jobs.read(jobId, ownerId);
    if (job === null) throw new JobNotFoundError(jobId);
    if (job.status !== "HELD") throw new JobNotHeldError(job);
    const changed = await change(store.holds);
    if (changed !== null) {
      onReady();
      return changed;
    }
    const current = await store.jobs.read(jobId, ownerId);
    if (current === null) throw new JobNotFoundError(jobId);
    if (current.status !== "HELD") throw new JobNotHeldError(current);
    return current;
  }
}

function toOwnSubmit(): CodedError {
  return new CodedError(
    "FORBIDDEN",
    "You submitted or released this job yourself, so somebody else has to approve it. Ask somebody whose credential has the scope `jobs:approve`.",
  );
}
