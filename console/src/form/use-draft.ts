import { useLayoutEffect } from "react";

import { carry } from "../model/carry";
import { type Field, withOthers } from "../model/fields";
import { toDraft, toInput } from "../model/input";
import type { JsonObject } from "../model/json";
import { findSeeds, withSeeds } from "../model/seeds";
import { useKept } from "../session/kept";
import { useStore } from "../session/store";
import { drawnOf } from "../session/submit-keys";
import { handed } from "../session/use-hand-over";
import { draftOf, formerOf, replaceDraft } from "./draft-store";

/** What is typed for a deployment, or was handed over to its form, and what would be sent of it. */
export function useDraft(scope: string, deploymentId: string, known: readonly Field[]) {
  const store = draftOf(scope, known);
  const draft = useKept(store);
  const former = useKept(formerOf(scope));
  const drawn = useKept(drawnOf(scope));
  const fields = withOthers(known, draft);
  const { input, problems } = toInput(fields, draft);
  const seeds = findSeeds(fields, input);
  const given = useStore(handed);
  useLayoutEffect(() => {
    if (given?.deploymentId !== deploymentId) return;
    handed.set(null);
    replaceDraft(scope, known, toDraft(known, carry(known, given.input, true)));
    scrollTo({ top: 0 });
  }, [given, deploymentId, scope, known]);
  return {
    store,
    draft,
    former,
    fields,
    problems,
    hasSeeds: seeds.length > 0,
    /** The `nth` input of several, with its seed. */
    toSent: (nth: number): JsonObject => withSeeds(seeds, input, drawn, nth),
  };
}
