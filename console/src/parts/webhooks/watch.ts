import { useEffect, useEffectEvent } from "react";

import { useAgain, useQuery } from "../../session/session";
import { useViewer, type Viewer } from "../../session/viewer";
import { WEBHOOKS } from "./webhook-queries";

/** Of webhooks that the gateway has disabled, the page learns only by asking. */
export function Watch({ onNews }: { readonly onNews: (news: string) => void }) {
  const isAllowed = mayWebhooks(useViewer());
  const { data, ask } = useQuery(WEBHOOKS, {}, isAllowed);
  useAgain(ask, isAllowed);
  const count = data?.webhooks.filter(({ disabledReason }) => disabledReason !== null).length ?? 0;
  const report = useEffectEvent(onNews);
  useEffect(() => report(count === 0 ? "" : `${count} disabled`), [count]);
  return null;
}

/** Webhooks report jobs. */
export function mayWebhooks({ may, mayRead }: Viewer): boolean {
  return mayRead && may("webhooks");
}
