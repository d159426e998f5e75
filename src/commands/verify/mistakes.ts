import { COMMANDS } from "../../config/commands.ts";
import { type Exchange, hasGraph, isText, toRecords } from "./answers.ts";
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
    return kind === "model"
      ? `The catalogue has no model ${id}, ${NOTHING} Find one with: ${COMMANDS.search} <words>`
      : `No deployment of the account has the id ${id}, ${NOTHING} Take it from RunComfy's dashboard.`;
  if (!isFound || records.length === 0) return null;
  // Only where both marks agree: what one of them says alone is a fact that differs.
  const marks = [records.some((one) => isText(one["workflow_id"])), records.some(hasGraph)];
  if (kind === "lora" && marks.every(Boolean))
    return `${id} is no LoRA, but a workflow, ${NOTHING} Name it with --workflow.`;
  if (kind === "comfyui" && !marks.some(Boolean))
    return `${id} is no workflow, but a LoRA, ${NOTHING} Name it with --deployment.`;
  return null;
}

const NOTHING = "so nothing was submitted.";
