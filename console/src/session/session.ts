import { createContext, use, useEffect, useEffectEvent, useMemo, useRef } from "react";
import { createGatewayClient, type TypedDocument } from "runcomfy-graphql-client";

import type { JobRowFragment } from "../gql";
import { type Answer, createAnswers } from "./answers";
import { createFeed, type Listener } from "./feed";
import type { JobList } from "./job-list";
import { useStore } from "./store";
import { createUploads } from "./uploads";

export type Session = ReturnType<typeof openSession>;

/** All that is asked for under one credential, over HTTP and one socket, and all that came back. */
export function openSession(
  credential: string,
  /** Begins another session. */
  signIn: (credential: string, isKept: boolean) => void,
) {
  const gateway = createGatewayClient({
    url: "/graphql",
    ...(credential !== "" && { authorization: () => `Bearer ${credential}` }),
  });
  const feed = createFeed(gateway);
  /** The last list of each screen, so that a user who comes back from a job finds it loaded. */
  const lists = new Map<string, { readonly key: string; readonly list: JobList }>();
  const uploads = createUploads(gateway);
  return { signIn, gateway, feed, answers: createAnswers(gateway, feed), lists, uploads };
}

/** Around all that speaks to the gateway. */
export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = use(SessionContext);
  if (session === null) throw new Error("There is no session around this component.");
  return session;
}

/**
 * What the gateway answers: at first as it was known, if it was, then anew. `ask` asks again. Nothing is asked while
 * `isWanted` is false.
 */
export function useQuery<Data extends object, Variables>(
  document: TypedDocument<Data, Variables>,
  variables: Variables,
  isWanted = true,
): Answer<Data> & { readonly ask: () => Promise<void> } {
  const { answers } = useSession();
  const key = JSON.stringify(variables);
  const query = useMemo(() => {
    const given: Variables = JSON.parse(key);
    return answers.find(document, given);
  }, [answers, document, key]);
  useEffect(() => {
    if (isWanted) query.begin();
  }, [query, isWanted]);
  return { ...useStore(query.state), ask: query.ask };
}

/** Calls back with every job that changes, and with null when changes may have been missed. */
export function useChanges(onChange: Listener): void {
  const { feed } = useSession();
  const notify = useEffectEvent(onChange);
  useEffect(() => feed.listen((job) => notify(job)), [feed]);
}

const AGAIN_MS = 15_000;

/** Asks anew, every 15 s by default, while the page is seen, and when the gateway is back, as long as `isWanted`. */
export function useAgain(ask: () => Promise<void>, isWanted = true, pauseMs = AGAIN_MS): void {
  useChanges((job) => {
    if (job === null && isWanted) void ask();
  });
  useEffect(() => {
    if (!isWanted) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) void ask();
    }, pauseMs);
    return () => clearInterval(timer);
  }, [isWanted, ask, pauseMs]);
}

const PAUSE_MS = 2_000;

/** Calls `refresh` when jobs that are `meant` change: at once, and then every two seconds as long as they do. */
export function useFresh(meant: (job: JobRowFragment) => boolean, refresh: () => void): void {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const dueAt = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);

  useChanges((job) => {
    if (job !== null && !meant(job)) return;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      dueAt.current = performance.now() + PAUSE_MS;
      refresh();
    }, dueAt.current - performance.now());
  });
}
