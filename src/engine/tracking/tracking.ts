import type { Authenticator } from "../../auth/authenticator.ts";
import { chance, clock } from "../../runtime/environment.ts";
import { isFinished } from "../job/job.ts";
import { nextPollMs } from "../job/polls.ts";
import { sleepFor } from "../../runtime/loop.ts";
import { createJobReader } from "../watch/shared-readers.ts";
import { createJobWatch } from "../watch/watch-job.ts";
import { Canceller } from "./cancel-job.ts";
import { Labeler } from "./edit-labels.ts";
import { Deleter } from "./job-deletion.ts";
import { LateCosts } from "./late-costs.ts";
import { UpstreamWebhooks } from "./upstream-webhooks.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Holder } from "./hold-jobs.ts";
import { createLearning } from "./learning.ts";
import { DeploymentPauser } from "./pause-deployments.ts";
import { Poller } from "./poller.ts";
import { createRecordObservation } from "./record-observation.ts";
import { Recovery } from "./recovery.ts";
import { JobSender } from "./send-job.ts";
import type { Services } from "./services.ts";
import { InputChecker } from "./submission.ts";
import { Submitter } from "./submit-job.ts";

export type Tracking = ReturnType<typeof createTracking>;

const SUBMIT_PATIENCE_MS = 7_500;
/** An unreachable database must not hold up a stop: without a hand-over others take over when the claims end. */
const HANDOVER_PATIENCE_MS = 1_000;

const TIME_AND_CHANCE = {
  now: clock.now,
  monotonic: clock.monotonic,
  random: chance.random,
  sleep: sleepFor,
};

/** Everything that changes jobs. */
export function createTracking(
  dependencies: Omit<
    Services,
    "record" | "watchJob" | "submitTimeoutMs" | "submitMarginMs" | keyof typeof TIME_AND_CHANCE
  > & {
    readonly submitTimeoutSeconds: number;
    readonly submitMarginSeconds: number;
    /** What one poll is worth in seconds of waiting. */
    readonly pollCostSeconds: number;
    /** Notified of files that are to be kept; none are where it is not given. */
    readonly onKeep?: (() => void) | undefined;
    /** Notified that a job is deleted, with which its files go. */
    readonly onDelete?: (() => void) | undefined;
    /** Whether a credential is no longer in use. */
    readonly isRevoked: Authenticator["isRevoked"];
  },
) {
  const given = {
    ...TIME_AND_CHANCE,
    ...dependencies,
    upstream: dependencies.store.upstream,
    submitTimeoutMs: dependencies.submitTimeoutSeconds * 1_000,
    submitMarginMs: dependencies.submitMarginSeconds * 1_000,
  };
  const { store, health, pollCostSeconds, log } = given;
  const closing = new AbortController();
  const upstreamWebhooks = new UpstreamWebhooks({
    ...given,
    ...{ polls: store.polls, trust: store.upstreamWebhookTrust },
    areAsked: given.toUpstreamWebhookUrl !== null,
    onDue: () => poller.wakeIn(0),
  });
  const learning = createLearning({ ...given, readRuns: store.readRuns, upstreamWebhooks });
  const lateCosts = new LateCosts({ ...given, rows: store.lateCosts });
  const recordObservation = createRecordObservation({
    ...given,
    jobs: store.jobs,
    onCostDue: () => lateCosts.noteNew(),
  });
  const record: typeof recordObservation = async (...given) => {
    const job = await recordObservation(...given);
    if (job !== null && isFinished(job)) dispatcher.noteEnd();
    return job;
  };
  const poller = new Poller({
    ...given,
    record,
    async schedule(job, nowMs, notifiedForMs) {
      const times = await learning.readTimes(job.deploymentId);
      const costSeconds =
        pollCostSeconds * (await upstreamWebhooks.toCostFactor(job, notifiedForMs));
      return nextPollMs(job, times, nowMs, costSeconds);
    },
    onEnd: (job, notifiedForMs) => upstreamWebhooks.noteEnd(job, notifiedForMs),
  });
  const watchJob = createJobWatch({
    feed: store.feed,
    readJob: createJobReader(store.jobs, log),
    estimate: learning.estimate,
  });
  const sender = new JobSender({ ...given, record, poller });
  const submitter = new Submitter({
    ...{ ...given, record, watchJob, sender },
    onReady: () => dispatcher.wake(),
  });
  const dispatcher = new Dispatcher({ ...given, record, sender, submitter });
  const recovery = new Recovery({ ...given, record, sender });
  health.on("recovery", () => poller.wakeIn(0));

  return {
    ...{ learning, upstreamWebhooks, submitter, watchJob },
    inputChecker: new InputChecker(given),
    holder: new Holder({ ...given, record, onReady: () => dispatcher.wake() }),
    canceller: new Canceller({ ...given, record, watchJob, signal: closing.signal }),
    deleter: new Deleter({ ...store, onDelete: given.onDelete }),
    labeler: new Labeler(store),
    pauser: new DeploymentPauser({ ...given, ...store, onResume: () => dispatcher.wake() }),
    /** Refuses new and waiting submits; those that have no answer within 7.5 s end as unknown. */
    stopSubmits: () => submitter.stop(SUBMIT_PATIENCE_MS),
    /** Polls the unfinished jobs from then on. */
    async start(): Promise<void> {
      await recovery.start();
      poller.start();
      lateCosts.start();
      dispatcher.start();
      upstreamWebhooks.start();
    },
    /** Waits until every submit's outcome is stored, then stops polls and hands over those under way. */
    async close(): Promise<void> {
      closing.abort();
      submitter.stop(SUBMIT_PATIENCE_MS);
      // Jobs are polled until all can be handed over.
      await Promise.all([submitter.close(), dispatcher.close()]);
      sender.close();
      const handedOver = poller.close().catch((error: unknown) => {
        log.warn(
          { err: error },
          "The polls under way could not be handed over; other gateways take them over within 9 seconds.",
        );
      });
      const patience = clock.sleep(HANDOVER_PATIENCE_MS, { ref: false });
      const closed = Promise.all([recovery.close(), lateCosts.close(), upstreamWebhooks.close()]);
      await Promise.all([closed, Promise.race([handedOver, patience])]);
    },
  };
}
