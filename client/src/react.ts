import {
  createContext,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";

import type { Connection } from "./connection.ts";
import type { GatewayClient } from "./create-gateway-client.ts";
import { type FieldOf, fieldOf, JOB_UPDATED, SUBMIT_JOB, type TypedDocument } from "./documents.ts";
import { type Failure, GatewayError } from "./gateway-error.ts";
import type {
  JobFieldsFragment,
  JobFilter,
  JobUpdatedSubscription,
  QueueInput,
  SubmitJobMutation,
} from "./gql.ts";
import { createJobList } from "./job-list.ts";
import type { JobListState } from "./live-list.ts";
import { createItem, sendUnderKey, toDigest } from "./idempotency-keys.ts";

const GatewayContext = createContext<GatewayClient | null>(null);

/**
 * Gives a gateway to the hooks below it.
 *
 * @example
 * const app = <GatewayProvider value={createGatewayClient({ url: "/graphql" })}>…</GatewayProvider>;
 */
export const GatewayProvider = GatewayContext.Provider;

/**
 * The client that `GatewayProvider` gives.
 *
 * @example
 * const gateway = useGateway();
 * const upload = async (file: File) => console.log(await gateway.upload(file));
 */
export function useGateway(): GatewayClient {
  const gateway = useContext(GatewayContext);
  if (!gateway) throw new Error("Wrap the app in <GatewayProvider>.");
  return gateway;
}

/**
 * Whether the socket is open; show its `reason` while it is away or refused.
 *
 * @example
 * const connection = useConnection();
 * return "reason" in connection && <p role="alert">{connection.reason}</p>;
 */
export function useConnection(): Connection {
  const { connection } = useGateway();
  return useSyncExternalStore(connection.subscribe, connection.get, connection.get);
}

export type WatchedJob<Job> = {
  /** In its newest state; null until that is known. */
  readonly job: Job | null;
  /** `NOT_FOUND` where there is no such job (any more). One that is `retryable` passes by itself. */
  readonly error: GatewayError | null;
};

/**
 * Watches a job, or none where `id` is null. A `document` of your own is a subscription with a variable `id` and one
 * field.
 *
 * @example
 * const { job, error } = useJob(id);
 * return <p>{error?.message ?? job?.status}</p>;
 */
export function useJob(id: string | null): WatchedJob<JobUpdatedSubscription["jobUpdated"]>;
export function useJob<Data extends object>(
  id: string | null,
  document: TypedDocument<Data, { id: string }>,
): WatchedJob<FieldOf<Data>>;
export function useJob(
  id: string | null,
  document: TypedDocument<object, { id: string }> = JOB_UPDATED,
): WatchedJob<unknown> {
  const gateway = useGateway();
  const [state, setState] = useState<WatchedJob<unknown> & { readonly id: string | null }>(NO_JOB);
  useEffect(() => {
    if (!id) return undefined;
    return gateway.subscribe(
      document,
      { id },
      {
        next: (data) => setState({ id, job: fieldOf(data), error: null }),
        error: (error) =>
          setState((last) => ({ id, job: last.id === id ? last.job : null, error })),
      },
    );
  }, [gateway, document, id]);
  return state.id === id ? state : NO_JOB;
}

const NO_JOB = { id: null, job: null, error: null } as const;

export type WatchedJobs = Omit<JobListState<JobFieldsFragment>, "news" | "unmatched"> & {
  /** Reads a page more; of a search, as far as one comes. */
  readonly loadMore: () => void;
  /** Reads it again, and tries again after an error. */
  readonly reload: () => void;
  /** Takes out what was deleted, which no event reports. */
  readonly remove: (ids: readonly string[]) => void;
};

/**
 * The newest jobs of a filter, `pageSize` at first, kept up to date.
 *
 * @example
 * const { jobs, hasMore, loadMore } = useJobs({ status: ["SUCCEEDED"] });
 * const images = jobs.map(({ id, assets }) => <img key={id} src={assets[0]?.url} alt="" />);
 * return <main>{images} {hasMore && <button onClick={loadMore}>Older</button>}</main>;
 */
export function useJobs(
  filter: JobFilter = {},
  { pageSize = 20 }: { readonly pageSize?: number } = {},
): WatchedJobs {
  const gateway = useGateway();
  const conditions = JSON.stringify(filter);
  const list = useMemo(
    () => createJobList(gateway, JSON.parse(conditions), { pageSize }),
    [gateway, conditions, pageSize],
  );
  const state = useSyncExternalStore(list.subscribe, list.get, list.get);
  const { loadMore, reload, remove } = list;
  return { ...state, loadMore, reload, remove };
}

type Result = Failure & { readonly job?: { readonly id: string } };

export type Submitter<Input, Submitted> = {
  /**
   * Submits an input, and resolves to the id of the job if it was accepted. Until an answer came the same input goes under
   * the same idempotency key, also after a reload, so that it is paid once; after it, the next submit is another job.
   * Does nothing while one is under way.
   */
  readonly submit: (input: Input) => Promise<string | null>;
  /** Which try is under way: a lost answer is asked for again for half a minute. 0 while none is. */
  readonly attempt: number;
  /** Of the last job that was accepted, also after a reload. */
  readonly jobId: string | null;
  /** The last answer; null before one, and after a call that failed. */
  readonly result: Submitted | null;
  /**
   * Why there is no new job: a failure, with its `issues`, or a call that failed. While `attempt` is above 1, why there is
   * another try.
   */
  readonly error: GatewayError | null;
};

/**
 * Submits to a deployment, or by a mutation of your own with the variables `input` and `key` and one field that selects
 * `job { id }`, `message` and `retryable`. `name` keeps several for the same apart.
 *
 * @example
 * const { submit, attempt, error } = useSubmit({ deploymentId });
 * const run = () => void submit({ prompt: "A paper lantern" });
 * return <button disabled={attempt > 0} onClick={run}>{error?.message ?? "Run"}</button>;
 */
export function useSubmit(options: {
  readonly deploymentId: string;
  readonly tags?: readonly string[];
  /** How the job waits in the gateway; a retry keeps that of the first try. */
  readonly queue?: QueueInput;
  readonly name?: string;
}): Submitter<object, SubmitJobMutation["submitJob"]>;
export function useSubmit<Data extends object, Input>(options: {
  readonly document: TypedDocument<Data, { input: Input; key: string }>;
  readonly name?: string;
}): Submitter<Input, FieldOf<Data>>;
export function useSubmit({
  document = SUBMIT_JOB,
  name: given,
  queue,
  ...others
}: {
  readonly document?: Pick<TypedDocument<object, never>, "toString">;
  readonly deploymentId?: string;
  readonly tags?: readonly string[];
  readonly queue?: QueueInput;
  readonly name?: string;
}): Submitter<object, unknown> {
  const gateway = useGateway();
  const name = given ?? others.deploymentId ?? toDigest(String(document));
  const stored = useMemo(() => createItem(`runcomfy job ${name}`), [name]);
  const jobId = useSyncExternalStore(stored.subscribe, stored.get, getNothing);
  const [attempt, setAttempt] = useState(0);
  const [answer, setAnswer] = useState<Answer>(NO_ANSWER);
  const isBusy = useRef(false);

  async function submit(input: unknown): Promise<string | null> {
    if (isBusy.current) return null;
    const text = JSON.stringify([String(document), others, input]);
    isBusy.current = true;
    setAnswer(NO_ANSWER);
    try {
      const send = (key: string): Promise<Result> =>
        gateway.submit(document, { ...others, queue, input, key }, (next, lost) => {
          setAttempt(next);
          if (lost) setAnswer({ name, result: null, error: lost });
        });
      const result = await sendUnderKey(`runcomfy keys ${name}`, text, send);
      const id = result.job?.id ?? null;
      if (id) stored.set(id);
      setAnswer({ name, result, error: id ? null : new GatewayError(result) });
      return id;
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      setAnswer({ name, result: null, error });
      return null;
    } finally {
      isBusy.current = false;
      setAttempt(0);
    }
  }

  const { result, error } = answer.name === name ? answer : NO_ANSWER;
  return { submit, attempt, jobId, result, error };
}

type Answer = Pick<Submitter<unknown, Result>, "result" | "error"> & { readonly name: string };
const NO_ANSWER = { name: "", result: null, error: null };
const getNothing = (): null => null;
