import { useEffect, useRef, useState } from "react";
import { useLocation } from "wouter";

import type { JobFilter, JobRowFragment } from "../gql";
import { promptOf } from "../model/prompt";
import { JOBS } from "../session/queries";
import { useChanges, useFresh, useQuery } from "../session/session";
import { useViewer } from "../session/viewer";
import { news } from "../ui/use-title";
import { isNotified } from "./settings";

const UNFINISHED: JobFilter["status"] = ["SUBMITTING", "IN_QUEUE", "IN_PROGRESS"];
/** Of more than these it says so, and notifies of these. */
const MAX_KNOWN = 20;
const ENDS = new Map([
  ["SUCCEEDED", "Done"],
  ["FAILED", "Failed"],
]);

/** Shows in the tab's title how many of the viewer's jobs run and, while the tab is hidden, notifies of one that has ended. */
export function useTabNews(): void {
  const viewer = useViewer();
  const [, navigate] = useLocation();
  const [end, setEnd] = useState("");
  /** What waits here is not counted, but it may end here too. */
  const held = useRef(new Set<string>());
  const isMine = ({ ownerId }: JobRowFragment): boolean => ownerId === viewer.id;
  const filter: JobFilter = { ownerId: viewer.id, status: UNFINISHED };
  const { data, ask } = useQuery(JOBS, { filter, first: MAX_KNOWN }, viewer.mayRead);
  useFresh(isMine, () => void (viewer.mayRead && ask()));
  const jobs = data?.jobs.edges.map(({ node }) => node) ?? [];
  const running = jobs.filter(({ isFinished }) => !isFinished);
  const isMore = data?.jobs.pageInfo.hasNextPage === true;
  const title = running.length > 0 ? `${running.length}${isMore ? "+" : ""} running` : end;

  useChanges((job) => {
    if (job === null) return;
    const wasHeld = held.current.delete(job.id);
    if (job.status === "HELD" && isMine(job)) held.current.add(job.id);
    const isKnown = wasHeld || running.some(({ id }) => id === job.id);
    if (!document.hidden || !isKnown) return;
    const word = ENDS.get(job.status);
    if (word === undefined) return;
    setEnd(word);
    if (isNotified.get()) notify(word, job, () => navigate(`/jobs/${job.id}`));
  });
  useEffect(() => news.set(title), [title]);
  useEffect(() => {
    const forgetEnd = (): void => {
      if (!document.hidden) setEnd("");
    };
    document.addEventListener("visibilitychange", forgetEnd);
    return () => document.removeEventListener("visibilitychange", forgetEnd);
  }, []);
}

/** Of many that end at once the last one stays, also of several tabs. */
function notify(word: string, job: JobRowFragment, onOpen: () => void): void {
  try {
    const shown = new Notification(word, { body: promptOf(job), tag: "job" });
    shown.addEventListener("click", () => {
      focus();
      onOpen();
      shown.close();
    });
  } catch {
    // Phones have notifications for installed pages only.
  }
}
