import { GatewayError } from "runcomfy-graphql-client";

import type { CancelMatchingMutation, DeleteMatchingMutation } from "../gql";
import { format, toCountText } from "../parts/count";
import type { Session } from "../session";
import { useViewer } from "../viewer";
import type { Action } from "./actions";
import type { JobList } from "./live-job-list";

/** What selects all jobs of a list, loaded or not; null where that is nothing to cancel or delete: only one's own can be. */
export function useAllThatFit({ filter }: JobList, total: number | null | undefined) {
  const viewer = useViewer();
  const { ownerId, ...conditions } = filter;
  const mayReadAll = viewer.isSignedIn && viewer.may("jobs:read:all");
  const isOthers = ownerId != null && ownerId !== viewer.id;
  if (!viewer.may("jobs:cancel") || isOthers || Object.keys(conditions).length === 0) return null;
  if (mayReadAll && ownerId == null) return "Select all of yours that fit";
  return typeof total === "number"
    ? `Select all ${toCountText(total)} that fit`
    : "Select all that fit";
}

/** Does something with all jobs of a list, call by call, until none is left, a call fails, or it is stopped; what came of it. */
export async function takeAll(
  { matching, doing, done }: Action,
  { filter, state }: JobList,
  { gateway }: Session,
  onTell: (text: string) => void,
  signal: AbortSignal,
): Promise<string> {
  if (matching === undefined) return "";
  const [newest] = state.get().rows;
  // By the gateway's clock: what is submitted from then on was not meant.
  const createdBefore = new Date(newest ? Date.parse(newest.createdAt) + 1 : 0).toISOString();
  let total = 0;
  let failed = 0;
  const sum = (): string => {
    const rest = `${format(failed)} could not be ${done}: ${matching.failure}`;
    return `${format(total)} ${done}${failed > 0 ? `, ${rest}` : ""}`;
  };
  let after: string | null = null;
  while (!signal.aborted) {
    onTell(`${doing}… ${sum()}`);
    try {
      const { progress }: Answered = await gateway.request(matching.mutation, {
        filter,
        createdBefore,
        after,
      });
      total += progress.done;
      failed += progress.failed;
      if (!progress.hasMore) return sum();
      after = progress.cursor;
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      return `${sum()}. ${error.message}`;
    }
  }
  return `Stopped: ${sum()}`;
}

type Answered = CancelMatchingMutation | DeleteMatchingMutation;
