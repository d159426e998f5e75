import { useQuery, useSubscription } from "urql";

import { LISTED_JOB, WATCH } from "../queries";
import type { JobRowFragment, WatchSubscription } from "../gql/graphql";
import { useChanges } from "../live";
import { explain } from "../session";
import { useViewer } from "../viewer";

export type WatchedJob = JobRowFragment &
  Partial<Pick<WatchSubscription["jobUpdated"], "estimate">>;

type JobState =
  | { readonly kind: "known"; readonly job: WatchedJob }
  | { readonly kind: "asking" }
  | { readonly kind: "gone" }
  | { readonly kind: "unknown"; readonly reason: string; readonly askAgain: () => void };

/** A job in its newest state, whichever way that came; its files are kept only after the watch has ended. */
export function useJob(id: string, submitted: JobRowFragment | null): JobState {
  const pause = !useViewer().mayRead;
  const [{ data: watched, error: watchError }, watch] = useSubscription({
    query: WATCH,
    variables: { id },
    pause,
  });
  const [{ data: asked, error: askError }, ask] = useQuery({
    query: LISTED_JOB,
    variables: { id },
    pause,
  });
  const askAgain = (): void => {
    if (watchError !== undefined) watch();
    ask({ requestPolicy: "network-only" });
  };
  useChanges((job) => {
    if (job === null) askAgain();
  });
  const states: readonly (WatchedJob | null | undefined)[] = [
    watched?.jobUpdated,
    asked?.job,
    submitted?.id === id ? submitted : null,
  ];
  let newest: WatchedJob | null = null;
  for (const state of states)
    if (state && (newest === null || state.version > newest.version)) newest = state;
  const isGone = watchError?.graphQLErrors.some(
    ({ extensions }) => extensions["code"] === "NOT_FOUND",
  );
  if (isGone || asked?.job === null) return { kind: "gone" };
  if (newest !== null) return { kind: "known", job: newest };
  const error = watchError ?? askError;
  return error ? { kind: "unknown", reason: explain(error), askAgain } : { kind: "asking" };
}
