import { useEffect } from "react";
import { useClient } from "urql";

import { LIVE } from "./documents";
import type { JobRowFragment } from "./gql/graphql";

type Listener = (job: JobRowFragment | null) => void;

const listeners = new Set<Listener>();

/** Hears of every job that changes, in its newest state, and of null where changes may have been missed. */
export function useChanges(listener: Listener): void {
  useEffect(() => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, [listener]);
}

/** The one subscription of the page; what it brings is in the cache for every screen too. */
export function useLive(): void {
  const client = useClient();
  useEffect(() => {
    let after = "";
    const { unsubscribe } = client.subscription(LIVE, { after }).subscribe(({ data }) => {
      if (!data) return;
      const { cursor, job } = data.jobsUpdated;
      after = cursor;
      for (const listener of listeners) listener(job ?? null);
    });
    return unsubscribe;
  }, [client]);
}
