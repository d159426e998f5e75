import { useEffect, useEffectEvent } from "react";

import { useAgain, useQuery } from "../../session/session";
import { BUDGETS } from "./money-queries";

const AGAIN_MS = 60_000;

/** Of budgets that are used up, the page learns only by asking. */
export function Watch({ onNews }: { readonly onNews: (news: string) => void }) {
  const { data, ask } = useQuery(BUDGETS, {});
  useAgain(ask, true, AGAIN_MS);
  const count = data?.viewer.budgets.filter(({ leftUsd }) => leftUsd <= 0).length ?? 0;
  const report = useEffectEvent(onNews);
  useEffect(() => report(count === 0 ? "" : `${count} used up`), [count]);
  return null;
}
