import { useEffect, useMemo } from "react";
import { type Client, type CombinedError, useClient, useSubscription } from "urql";

import { JOB, WATCH } from "../queries";
import type { JobQuery } from "../gql/graphql";
import { useChanges } from "../live";
import { useAgain } from "../parts/use-again";
import { createStore, useStore } from "../store";

export type FullJob = NonNullable<JobQuery["job"]>;

type State = {
  readonly job: FullJob | null;
  /** Whether the gateway has said what there is. */
  readonly isRead: boolean;
  readonly error: CombinedError | null;
};

/** A job with all that the page shows, read anew whenever a newer version is heard of. */
export function useJob(id: string) {
  const client = useClient();
  const reader = useMemo(() => createReader(client, id), [client, id]);
  const { read, receive } = reader;
  const { job, isRead, error } = useStore(reader.state);
  useEffect(() => void read(), [read]);
  // No change may follow the one whose read failed.
  useAgain(read, error !== null);

  const [watched] = useSubscription({
    query: WATCH,
    variables: { id },
    pause: job === null || job.isFinished,
  });
  const version = watched.data?.jobUpdated.version ?? 0;
  useEffect(() => receive(version), [receive, version]);
  useChanges((changed) => {
    if (changed === null) void read();
    else if (changed.id === id) receive(changed.version);
  });

  const estimate = job?.isFinished ? null : (watched.data?.jobUpdated.estimate ?? null);
  return { job, isRead, error, estimate, read, receive };
}

/** Reads from the network alone: the cache learns a new version from changes, but not all of its fields. */
function createReader(client: Client, id: string) {
  const cached = client.readQuery(JOB, { id })?.data?.job ?? null;
  const state = createStore<State>({ job: cached, isRead: false, error: null });
  let newest = 0;
  let isReading = false;
  let isWanted = false;

  async function read(): Promise<void> {
    isWanted = true;
    if (isReading) return;
    isReading = true;
    while (isWanted) {
      isWanted = false;
      const { data, error } = await client
        .query(JOB, { id }, { requestPolicy: "network-only" })
        .toPromise();
      // A null beside an error does not say that there is no such job.
      const isRead = data?.job !== undefined && (data.job !== null || error === undefined);
      const job = isRead ? data.job : state.get().job;
      state.set({ job, isRead, error: error ?? null });
      if (data?.job && data.job.version < newest) isWanted = true;
    }
    isReading = false;
  }

  function receive(version: number): void {
    if (version <= newest) return;
    newest = version;
    const { job, isRead } = state.get();
    if (!isRead || (job !== null && job.version < version)) void read();
  }

  return { state, read, receive };
}
