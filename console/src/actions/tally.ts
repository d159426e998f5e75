import { GatewayError } from "runcomfy-graphql-client";

import { formatCount } from "../model/words";
import type { Action } from "./actions";

export type Tally = ReturnType<typeof createTally>;

/** Counts the results of calls until one fails, or they are stopped. */
export function createTally(
  { done, doing }: Action,
  total: number | null | undefined,
  onProgress: (said: string) => void,
  signal: AbortSignal,
) {
  let successes = 0;
  const failures = new Map<string, number>();
  let lost = "";
  let isStopped = false;
  return {
    add(count: number, problem = ""): void {
      if (problem === "") successes += count;
      else if (count > 0) failures.set(problem, (failures.get(problem) ?? 0) + count);
    },
    /** Resolves with what the call resolves with, and with false where it was not made or failed. */
    async attempt(call: () => Promise<boolean | void>): Promise<boolean> {
      isStopped ||= signal.aborted;
      if (isStopped || lost !== "") return false;
      const count = [...failures.values()].reduce((sum, one) => sum + one, successes);
      onProgress(
        `${doing}… ${formatCount(count)}${total == null ? "" : ` of ${formatCount(total)}`}`,
      );
      try {
        return (await call()) === true;
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        lost = error.message;
        return false;
      }
    },
    sum() {
      const problems = [...failures.keys(), lost].filter((problem) => problem !== "");
      const parts = [...failures].map(
        ([problem, count]) => `${formatCount(count)} could not be ${done}: ${problem}`,
      );
      if (successes > 0 || problems.length === 0)
        parts.unshift(`${formatCount(successes)} ${done}`);
      if (lost !== "") parts.push(parts.length === 0 ? lost : `then no more: ${lost}`);
      const said = `${isStopped ? "Stopped: " : ""}${parts.join(", ")}`;
      return { said, problem: problems.join(" ") };
    },
  };
}
