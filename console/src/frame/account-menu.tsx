import { useState } from "react";

import { WEBHOOKS } from "../parts/webhooks/webhook-queries";
import { useAgain, useQuery } from "../session/session";
import { useViewer } from "../session/viewer";
import { later } from "../ui/later";

const AccountPanel = later(async () => (await import("./account-panel")).AccountPanel);

/** Who the page is for, and a menu of what there is beside the screens. */
export function AccountMenu() {
  const { id } = useViewer();
  const [isWanted, setWanted] = useState(false);
  const disabled = useDisabledWebhooks();
  return (
    <>
      <button className="row frame-account" popoverTarget="account" aria-label={`Account: ${id}`}>
        <span className="frame-initial" data-initial={id.slice(0, 1).toUpperCase()} />
        <span className="cut">{id}</span>
        {disabled !== "" && <span className="frame-dot issue" />}
      </button>
      <div
        id="account"
        role="group"
        popover="auto"
        aria-label="Account"
        onToggle={() => setWanted(true)}
      >
        {isWanted && <AccountPanel disabled={disabled} />}
      </div>
      {/* Heard also while the menu is closed. */}
      <span role="status" className="unseen">
        {disabled !== "" && `Webhooks: ${disabled}`}
      </span>
    </>
  );
}

/** `1 disabled` of those that the gateway has disabled, which the page only learns by asking. */
function useDisabledWebhooks(): string {
  const { hasWebhooks } = useViewer();
  const { data, ask } = useQuery(WEBHOOKS, {}, hasWebhooks);
  useAgain(ask, hasWebhooks);
  const count = data?.webhooks.filter(({ disabledReason }) => disabledReason !== null).length ?? 0;
  return count === 0 ? "" : `${count} disabled`;
}
