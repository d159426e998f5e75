import { useEffect, useEffectEvent } from "react";
import { useClient } from "urql";

import { LIVE } from "./queries";
import type { JobRowFragment } from "./gql/graphql";
import { explain } from "./session";
import { createStore } from "./store";

type Listener = (job: JobRowFragment | null) => void;

const listeners = new Set<Listener>();
const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 30_000;

/** Why nothing is heard of changes at the moment; empty while something is. */
export const silence = createStore("");

/** To the other tabs of this browser; none while this one hears of no jobs. */
let otherTabs: BroadcastChannel | undefined;

/** Has the other tabs look anew, as the gateway tells nobody of what is deleted. */
export function tellOtherTabs(): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has no other origin
  otherTabs?.postMessage(null);
}

/** Hears of every job that changes, in its newest state, and of null where changes may have been missed. */
export function useChanges(onChange: Listener): void {
  const notify = useEffectEvent(onChange);
  useEffect(() => {
    const listener: Listener = (job) => notify(job);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, []);
}

/** The one subscription of the page to all jobs; it begins again, with a reset, for as long as the page is open. */
export function useLive(isAllowed: boolean): void {
  const client = useClient();
  useEffect(() => {
    if (!isAllowed) return undefined;
    let pauseMs = FIRST_PAUSE_MS;
    let timer: number | undefined;
    let leave = (): void => undefined;

    function again(): void {
      leave();
      clearTimeout(timer);
      timer = window.setTimeout(listen, pauseMs);
      pauseMs = Math.min(MAX_PAUSE_MS, 2 * pauseMs);
    }

    function listen(): void {
      // An empty cursor is answered at once: with a reset, at which lists are read.
      const stream = client.subscription(LIVE, { after: "" });
      leave = stream.subscribe(({ data, error }) => {
        if (error || !data) {
          silence.set(error ? explain(error) : "");
          return again();
        }
        pauseMs = FIRST_PAUSE_MS;
        silence.set("");
        tell(data.jobsUpdated.job ?? null);
      }).unsubscribe;
    }

    listen();
    const channel = new BroadcastChannel("deletions");
    channel.addEventListener("message", () => tell(null));
    otherTabs = channel;
    return () => {
      otherTabs = undefined;
      channel.close();
      clearTimeout(timer);
      leave();
    };
  }, [client, isAllowed]);
}

function tell(job: JobRowFragment | null): void {
  for (const listener of listeners) listener(job);
}
