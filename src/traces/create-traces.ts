import type { Tracer } from "@opentelemetry/api";
import { SpanKind } from "@opentelemetry/api";
import type { Logger } from "pino";

import { isFinished } from "../job/job.ts";
import type { AroundOperation } from "../operations/create-operations.ts";
import { findCode } from "../operations/create-operations.ts";
import type { AroundCall } from "../runcomfy/create-runcomfy.ts";
import { toMethod } from "../runcomfy/create-runcomfy.ts";
import type { Services } from "../schema/context.ts";
import type { JobStore } from "../store/job-store.ts";
import type { AroundPoll } from "../tracking/poller.ts";
import { createScopes, noteError } from "./create-scopes.ts";
import { createEndWatch, createNoteEnd, toAttributes } from "./create-ends.ts";
import { fromTraceparent, toTraceparent } from "./traceparent.ts";

/** Of a name that a client chose. */
const MAX_NAME_CHARACTERS = 100;

/**
 * What surrounds the gateway's work to make spans of it: operations, what they do to the store, calls to RunComfy, polls,
 * and the event that tells an end. No span holds an input, a credential, an address or a message. Nothing but operations
 * begins a trace.
 */
export function createTraces(tracer: Tracer) {
  const { findSpan, runIn, runBelow, runOutside } = createScopes(tracer);

  const aroundOperation: AroundOperation = async ({ kind, name, traceparent }, run) => {
    const attributes = {
      "graphql.operation.type": kind,
      ...(name !== null && { "graphql.operation.name": name.slice(0, MAX_NAME_CHARACTERS) }),
    };
    const options = { kind: SpanKind.SERVER, attributes };
    return await runIn(kind, options, fromTraceparent(traceparent), async (span) => {
      const result = await run();
      const code = findCode(result);
      if (code !== null) noteError(span, code);
      return result;
    });
  };

  const aroundPoll: AroundPoll = async ({ job, traceparent }, poll) => {
    if (traceparent === null) return await poll();
    const options = { attributes: toAttributes(job) };
    return await runIn("poll", options, fromTraceparent(traceparent), poll);
  };

  /** The same methods, each of which is a span within the one that calls it. */
  function watchMethods<Group extends object>(group: Group, table: string, system: string): Group {
    const methods = new Proxy(group, {
      get(target, key) {
        const method: unknown = Reflect.get(target, key);
        if (typeof method !== "function") return method;
        const attributes = {
          "db.system.name": system,
          "db.operation.name": String(key),
          "db.collection.name": table,
        };
        const options = { kind: SpanKind.CLIENT, attributes };
        return (...given: unknown[]) =>
          runBelow(`${String(key)} ${table}`, options, async () =>
            Reflect.apply(method, target, given),
          );
      },
    });
    return { ...methods };
  }

  /** Its span has no URL, as that would tell the upstream's address. */
  const aroundCall: AroundCall = async (call, send) => {
    const method = toMethod(call);
    const attributes = { "http.request.method": method };
    return await runBelow(`${method} ${call}`, { kind: SpanKind.CLIENT, attributes }, send);
  };

  return {
    aroundOperation,
    aroundPoll,
    aroundCall,

    /** The same store. A job is kept with the span that submits it. */
    watchStore(store: JobStore): JobStore {
      const system = store.isShared ? "postgresql" : "sqlite";
      const watch = <Group extends object>(group: Group, table: string) =>
        watchMethods(group, table, system);
      const jobs = watch(store.jobs, "jobs");
      const { subscribe, subscribeToJob } = store.feed;
      const noteEnd = createNoteEnd(tracer, store.jobs);
      return {
        ...store,
        jobs: {
          ...jobs,
          async insert(submit) {
            const span = findSpan();
            const traceparent = span === null ? null : toTraceparent(span.spanContext());
            const isInserted = await jobs.insert({ ...submit, traceparent });
            if (isInserted) span?.setAttributes(toAttributes(submit.job));
            return isInserted;
          },
          async save(job, result) {
            const span = findSpan();
            const startTime = Date.now();
            const isSaved = await jobs.save(job, result);
            if (isSaved) span?.setAttributes(toAttributes(job));
            // As when a deadline has passed.
            if (isSaved && span === null && isFinished(job)) void noteEnd("end", job, startTime);
            return isSaved;
          },
        },
        documents: watch(store.documents, "job_documents"),
        feed: {
          ...watch(store.feed, "jobs"),
          // Whoever is woken goes on with something of their own.
          subscribe: (ownerId, wake) => subscribe(ownerId, () => runOutside(wake)),
          subscribeToJob: (jobId, wake) => subscribeToJob(jobId, () => runOutside(wake)),
        },
        quotas: watch(store.quotas, "quotas"),
        files: watch(store.files, "kept_files"),
        uploads: watch(store.uploads, "uploads"),
        ...watch({ readRuns: store.readRuns }, "runs"),
      };
    },

    /** The same services, of which events that tell an end are spans. */
    watchServices(services: Services, jobs: JobStore["jobs"]): Services {
      const watch = createEndWatch(createNoteEnd(tracer, jobs));
      return {
        ...services,
        watchJob: (...given) => watch(services.watchJob(...given), (job) => job),
        watchJobs: async (given) => watch(await services.watchJobs(given), ({ job }) => job),
      };
    },

    /** RunComfy has answered the call that is under way. */
    noteAnswer: (httpStatus: number): void =>
      void findSpan()?.setAttribute("http.response.status_code", httpStatus),

    /** The same log, whose lines have the `traceId` of what they tell. */
    watchLog: (log: Logger): Logger =>
      log.child(
        {},
        {
          formatters: {
            log(fields) {
              const span = findSpan();
              return span === null ? fields : { ...fields, traceId: span.spanContext().traceId };
            },
          },
        },
      ),
  };
}
