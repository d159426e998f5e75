import { COMMANDS } from "../../config/commands.ts";
import { isJsonObject, type JsonObject } from "../../engine/job/json.ts";
import { DEFAULT_KIND, findKind } from "../../engine/runcomfy/kinds/find-kind.ts";
import type { Kind } from "../../engine/runcomfy/kinds/kind.ts";
import { KINDS } from "../../engine/runcomfy/kinds/kinds.ts";
import { type Exchange, toRecords } from "./answers.ts";
import type { NamedTarget } from "./words.ts";

/**
 * By the ids that the user has mistyped, or given to the option of another kind, as far as the GETs show: a sentence. What
 * is odd in another way is for the report.
 */
export function findMistakes(
  targets: readonly NamedTarget[],
  exchanges: readonly Exchange[],
): ReadonlyMap<string | null, string> {
  return new Map(
    targets.flatMap((target) => {
      const mistake = findMistake(target, exchanges);
      return mistake === null ? [] : [[target.id, mistake] as const];
    }),
  );
}

function findMistake({ kind, id }: NamedTarget, exchanges: readonly Exchange[]): string | null {
  const ofTarget = exchanges.filter((one) => one.id === id);
  const records = exchanges
    .flatMap(({ body, error }) => (error === null ? (toRecords(body) ?? []) : []))
    .filter((record) => record["id"] === id);
  const isFound = ofTarget.some(({ purpose, error }) => purpose === "deployment" && error === null);
  const isMissing = ofTarget.some(({ error }) => error?.code === "NOT_FOUND");
  if (isMissing && records.length === 0)
    return findKind(kind).adapter.service === "models"
      ? `The catalogue has no model ${id}, ${NOTHING} Find one with: ${COMMANDS.search} <words>`
      : `No deployment of the account has the id ${id}, ${NOTHING} Take it from RunComfy's dashboard.`;
  if (!isFound || records.length === 0) return null;
  // Only where both marks agree: what one of them says alone is a fact that differs.
  const named = findKind(kind);
  const isUnmarked = named.mark !== null && !toMarks(named, records).some(Boolean);
  const other = isUnmarked
    ? DEFAULT_KIND
    : KINDS.find((one) => one.mark !== null && toMarks(one, records).every(Boolean));
  if (other === undefined || other === named) return null;
  return `${id} is no ${named.noun}, but a ${other.noun}, ${NOTHING} Name it with --${other.verify.option}.`;
}

/** Whether any record seems to be of this kind, and whether any shows that it is. */
function toMarks({ mark }: Kind, records: readonly JsonObject[]): readonly boolean[] {
  return [
    records.some((record) => mark?.isSeeming(record)),
    records.some(({ payload = null }) => isJsonObject(payload) && mark?.isShown(payload)),
  ];
}

const NOTHING = "so nothing was submitted.";
