import type { GatewayError } from "runcomfy-graphql-client";
import { useJob as useWatchedJob } from "runcomfy-graphql-client/react";

import type { JobRowFragment, WatchSubscription } from "../gql";
import { LISTED_JOB, WATCH } from "../queries";
import { useChanges, useQuery } from "../session";
import { useViewer } from "../viewer";

export type WatchedJob = JobRowFragment &
  Partial<Pick<WatchSubscription["jobUpdated"], "estimate">>;

type JobState =
  | { readonly kind: "known"; readonly job: WatchedJob }
  | { readonly kind: "asking" }
  | { readonly kind: "gone" }
  | { readonly kind: "unknown"; readonly error: GatewayError; readonly ask: () => Promise<void> };

/** A job in its newest state, whichever way that came; its files are kept only after the watch has ended. */
export function useJob(id: string, submitted: readonly JobRowFragment[]): JobState {
  const { mayRead } = useViewer();
  const watched = useWatchedJob(mayRead ? id : null, WATCH);
  const { data, error: askError, ask } = useQuery(LISTED_JOB, { id }, mayRead);
  useChanges((job) => {
    if (job === null && mayRead) void ask();
  });
  const states: readonly (WatchedJob | null | undefined)[] = [
    watched.job,
    data?.job,
    submitted.find((job) => job.id === id),
  ];
  let newest: WatchedJob | null = null;
  for (const state of states)
    if (state && (newest === null || state.version > newest.version)) newest = state;
  if (watched.error?.code === "NOT_FOUND" || data?.job === null) return { kind: "gone" };
  if (newest !== null) return { kind: "known", job: newest };
  const error = watched.error ?? askError;
  return error ? { kind: "unknown", error, ask } : { kind: "asking" };
}
