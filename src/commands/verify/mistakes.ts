import { COMMANDS } from "../../config/commands.ts";
import { findKind } from "../../engine/runcomfy/kinds/find-kind.ts";
import { readDeploymentKind, readLiveDeployments } from "../../engine/runcomfy/read-deployments.ts";
import { type Exchange, toRecords } from "./answers.ts";
import type { NamedTarget } from "./words.ts";

/**
 * A sentence where the user has mistyped an id, or given it to the option of another kind, as far as the GETs show; else
 * null. What is odd in another way is for the report.
 */
export function findMistake(
  { kind, id }: NamedTarget,
  exchanges: readonly Exchange[],
): string | null {
  const isMissing = exchanges.some((one) => one.id === id && one.error?.code === "NOT_FOUND");
  const isListed = exchanges.some(({ body }) => toRecords(body)?.some((one) => one["id"] === id));
  if (isMissing && !isListed)
    return findKind(kind).adapter.service === "models"
      ? `The catalogue has no model ${id}, ${NOTHING} Find one with: ${COMMANDS.search} <words>`
      : `No deployment of the account has the id ${id}, ${NOTHING} Take it from RunComfy's dashboard.`;
  const found = exchanges.find((one) => one.id === id && one.purpose === "deployment");
  const [record] = toRecords(found?.body) ?? [];
  if (record === undefined) return null;
  // Only where both marks agree: what one of them says alone is a fact that differs.
  const shown = readDeploymentKind({ payload: null, ...record });
  const [seeming] = readLiveDeployments([record]) ?? [];
  if (shown === null || shown === kind || shown !== seeming?.kind) return null;
  const { noun, verify } = findKind(shown);
  return `${id} is no ${findKind(kind).noun}, but a ${noun}, ${NOTHING} Name it with --${verify.option}.`;
}

const NOTHING = "so nothing was submitted.";
