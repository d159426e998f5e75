import type { GatewayClient } from "runcomfy-graphql-client";

import type { JobRowFragment } from "../gql";
import { LIVE } from "./queries";
import { createStore } from "./store";

/** Called with a job in its newest state, and with null when changes may have been missed. */
export type Listener = (job: JobRowFragment | null) => void;

export type Feed = ReturnType<typeof createFeed>;

/**
 * Every job that changes, in its newest state, and null where changes may have been missed: by one subscription for the
 * whole page, which comes back for as long as the page is open.
 */
export function createFeed(gateway: Pick<GatewayClient, "subscribe">) {
  const listeners = new Set<Listener>();
  const silence = createStore("");
  /** To the other tabs of this browser; none while this one is not notified of jobs. */
  let otherTabs: BroadcastChannel | undefined;

  function notify(job: JobRowFragment | null): void {
    for (const listener of listeners) listener(job);
  }

  return {
    /** Why no changes come at the moment; empty while they do. */
    silence,

    /** Begins to listen; the returned function ends it. */
    open(): () => void {
      // An empty cursor is answered at once, whenever the socket is back: with a reset, at which lists are read.
      const leave = gateway.subscribe(
        LIVE,
        { after: "" },
        {
          next({ jobsUpdated: { job } }) {
            silence.set("");
            notify(job);
          },
          error: ({ message }) => silence.set(message),
        },
      );
      const channel = new BroadcastChannel("deletions");
      channel.addEventListener("message", () => notify(null));
      otherTabs = channel;
      return () => {
        otherTabs = undefined;
        channel.close();
        leave();
      };
    },

    listen(listener: Listener): () => void {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },

    /** Passes on what another answer said of a job. */
    notify,

    /** Has the other tabs read anew, as the gateway notifies nobody of what is deleted. */
    notifyOtherTabs(): void {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has no other origin
      otherTabs?.postMessage(null);
    },
  };
}
