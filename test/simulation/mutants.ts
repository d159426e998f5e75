type Change = {
  /** Below `src`, or `client/src`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
};

/** A change of the source that breaks a promise, and the first seed that is known to find it. */
export type Mutant = { readonly seed: number; readonly changes: readonly Change[] };

/** `npm run simulate -- --mutant "no fence on the version"` shows whether that is found. */
export const MUTANTS: Readonly<Record<string, Mutant>> = {
  "the POST before the row": {
    seed: 1,
    changes: [
      {
        file: "tracking/submit-job.ts",
        from: "const body = await this.#prepare(job, attempt);",
        to: `const { runcomfy } = this.#given;
          const early = runcomfy.submit({ ...job, body: submission.toBody(submission.input) });
          runcomfy.submit = () => early;
          const body = await this.#prepare(job, attempt);`,
      },
    ],
  },
  "a POST that leaves although its lease has run out": {
    seed: 248,
    changes: [
      {
        file: "tracking/submit-job.ts",
        from: 'return (await this.#mayLeave(job.id, insertedAt)) ? sent : "too-late";',
        to: "return sent;",
      },
    ],
  },
  "a row that stays where nobody knows whether it was written": {
    seed: 143,
    changes: [
      {
        file: "tracking/submit-job.ts",
        from: "if (isInserted || !isRefusal) await",
        to: "if (isInserted) await",
      },
    ],
  },
  "no fence on the version": {
    seed: 33,
    changes: [
      {
        file: "store/job-store.ts",
        from: '.where("version", "=", job.version - 1)',
        to: "",
      },
    ],
  },
  "no fence on the labels": {
    seed: 9,
    changes: [
      {
        file: "store/labels.ts",
        from: "where: sql`tags = ${JSON.stringify(job.tags)} and starred = ${Number(job.isStarred)}`,",
        to: "where: sql`1 = 1`,",
      },
    ],
  },
  "a claim that never expires": {
    seed: 16,
    changes: [
      {
        file: "store/polls.ts",
        from: "const CLAIM_MS = 9_000;",
        to: "const CLAIM_MS = 9_000_000;",
      },
      // What is due so late is else taken for a clock that was set back.
      {
        file: "store/polls.ts",
        from: "const NEVER_MS = 60_000;",
        to: "const NEVER_MS = 90_000_000;",
      },
    ],
  },
  "an abandoned submit settled while it is under way": {
    seed: 10,
    changes: [
      {
        file: "store/submits.ts",
        from: "submit_until <= ${nowMs}",
        to: "submit_until <= ${nowMs} + 600000",
      },
      {
        file: "tracking/recovery.ts",
        from: "if (foundAt - since >= patienceMs && !submitter.isSubmitting(jobId))",
        to: "if (foundAt - since >= patienceMs * 0 || submitter.isSubmitting(jobId))",
      },
    ],
  },
  "a watcher notified once too few": {
    seed: 13,
    changes: [
      {
        file: "store/job-store.ts",
        from: "announce(job.id, job.ownerId);",
        to: 'if (job.status !== "SUCCEEDED") announce(job.id, job.ownerId);',
      },
    ],
  },
  "a quota given back twice": {
    seed: 1,
    changes: [
      {
        file: "tracking/submit-job.ts",
        from: "if (isGone) await refund();",
        to: "if (isGone) await Promise.all([refund(), refund()]);",
      },
    ],
  },
  "a withdrawn row that still counts as in flight": {
    seed: 1,
    changes: [
      {
        file: "store/unfinished-jobs.ts",
        from: "act: add(sql`old`, -1),",
        to: "act: add(sql`old`, 0),",
      },
    ],
  },
  "a withdrawn row that keeps its key": {
    seed: 8,
    changes: [
      {
        file: "store/submits.ts",
        from: "delete from jobs where id = ${id} and status = 'SUBMITTING' returning id",
        to: "select id from jobs where id = ${id} and status = 'SUBMITTING'",
      },
    ],
  },
  "a lost answer taken for one that was not sent": {
    seed: 35,
    changes: [
      {
        file: "runcomfy/runcomfy-error.ts",
        from: '{ code: "UNAVAILABLE", delivery: "unknown" }',
        to: '{ code: "UNAVAILABLE", delivery: "refused" }',
      },
    ],
  },
  "a proxy's time-out taken for a refusal": {
    seed: 1,
    changes: [
      {
        file: "runcomfy/answer-error.ts",
        from: "one === 408 || one >= 500",
        to: "one === 500 || one === 502",
      },
    ],
  },
  "a code that nobody knows taken for a refusal": {
    seed: 65,
    changes: [
      {
        file: "runcomfy/answer-error.ts",
        from: "httpStatus !== 400 ||",
        to: "true ||",
      },
    ],
  },
  "a cancel recorded as final": {
    seed: 1,
    changes: [
      {
        file: "tracking/cancel-job.ts",
        from: 'if (answer === "cancelled")',
        to: 'if (answer === "cancelled" || answer === "requested")',
      },
    ],
  },
  "a restart that forgets the polls to come": {
    seed: 1,
    changes: [
      {
        file: "store/polls.ts",
        from: "where status in ('IN_QUEUE', 'IN_PROGRESS')",
        to: "where false and status in ('IN_QUEUE', 'IN_PROGRESS')",
      },
    ],
  },
  "a client that retries under another key": {
    seed: 6,
    changes: [
      {
        file: "request.ts",
        from: "untilAnswered(() => request(document, variables), onAttempt)",
        to: "untilAnswered(() => request(document, { ...variables, key: variables.key += '+' }), onAttempt)",
      },
    ],
  },
  "a client that retries after an answer": {
    seed: 1,
    changes: [
      {
        file: "until-answered.ts",
        from: '["NO_ANSWER", "UNAVAILABLE"].includes(error.code)',
        to: "error.retryable",
      },
    ],
  },
  "a client that gives up on what may pass": {
    seed: 4,
    changes: [
      {
        file: "until-answered.ts",
        from: '["NO_ANSWER", "UNAVAILABLE"].includes(error.code)',
        to: '["NO_ANSWER"].includes(error.code)',
      },
    ],
  },
  "a client that never gives up": {
    seed: 113,
    changes: [
      {
        file: "until-answered.ts",
        from: "if (!isLost || late.aborted || attempt === MAX_ATTEMPTS) throw error;",
        to: "if (!isLost) throw error;",
      },
    ],
  },
  "a client that retries without a pause": {
    seed: 1,
    changes: [
      {
        file: "until-answered.ts",
        from: "await sleep(500 * 2 ** attempt);",
        to: "",
      },
    ],
  },
  "a client that forgets a key with a lost answer": {
    seed: 2,
    changes: [
      {
        file: "idempotency-keys.ts",
        from: "keys.keep(text, key);\n  const result",
        to: "const result",
      },
    ],
  },
  "more POSTs at once than there may be": {
    seed: 5,
    changes: [
      {
        file: "tracking/submit-job.ts",
        from: "total: submitsAtOnce,",
        to: "total: submitsAtOnce * 4,",
      },
    ],
  },
  "a stop that hands no poll over": {
    seed: 3,
    changes: [
      {
        file: "tracking/poller.ts",
        from: "next: { ...polls, delayMs: 0 } };",
        to: "next: null };",
      },
    ],
  },
  "a pause that nobody keeps": {
    seed: 67,
    changes: [
      {
        file: "tracking/poller.ts",
        from: "if (delayMs > 0) return Math.min(delayMs, MAX_SLEEP_MS);",
        to: "",
      },
      {
        file: "runcomfy/transport.ts",
        from: "if (pausedForMs > 0)",
        to: "if (pausedForMs > 0 && false)",
      },
    ],
  },
  "a webhook's claim that keeps nobody else off": {
    seed: 10,
    changes: [
      {
        file: "parts/webhooks/claims.ts",
        from: "where id = ${webhookId} and ${isFree}",
        to: "where id = ${webhookId}",
      },
    ],
  },
  "a failed delivery that is not made again": {
    seed: 7,
    changes: [
      {
        file: "parts/webhooks/sender.ts",
        from: "isGone ? null : toRetryMs",
        to: "delivery.attempts > 0 ? null : toRetryMs",
      },
    ],
  },
  "files of a job that are delivered before its end": {
    seed: 7,
    changes: [
      {
        file: "parts/webhooks/claims.ts",
        from: "and earlier.due_at is not null and earlier.number < head.number",
        to: "and earlier.due_at is not null and earlier.number < head.number - 1000000",
      },
    ],
  },
};
