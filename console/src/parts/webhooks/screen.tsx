import { useState } from "react";

import { useQuery } from "../../session/session";
import { useViewer } from "../../session/viewer";
import { Problem } from "../../ui/problem";
import { useTitle } from "../../ui/use-title";
import { mayWebhooks } from "./watch";
import { Secret, WebhookCard } from "./webhook-card";
import { WebhookForm } from "./webhook-form";
import { WEBHOOKS } from "./webhook-queries";

/** Which servers are called when a job ends, and how that goes. */
export function Webhooks() {
  useTitle("Webhooks");
  const isAllowed = mayWebhooks(useViewer());
  // The menu of the account asks for them again and again.
  const { data, error, ask } = useQuery(WEBHOOKS, {}, isAllowed);
  const [isMaking, setMaking] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const refresh = (): void => void ask();
  return (
    <div className="stack">
      <div className="row">
        <h1>Webhooks</h1>
        {data && !isMaking && (
          <button className="primary end" onClick={() => setMaking(true)}>
            New webhook
          </button>
        )}
      </div>
      {isMaking && (
        <WebhookForm
          webhook={null}
          onLeave={() => setMaking(false)}
          onSaved={(made) => {
            setMaking(false);
            setSecret(made);
            refresh();
          }}
        />
      )}
      {secret !== null && <Secret key={secret} text={secret} onSeen={() => setSecret(null)} />}
      {!isAllowed && <p className="empty">{LACKING}</p>}
      {isAllowed && !data && !error && <p role="status">Asking…</p>}
      {!data && error && <Problem text={error.message} onRetry={refresh} />}
      {data?.webhooks.length === 0 && !isMaking && <p className="empty">{NONE}</p>}
      {data?.webhooks.map((webhook) => (
        <WebhookCard key={webhook.id} webhook={webhook} onChanged={refresh} />
      ))}
    </div>
  );
}

const LACKING =
  "Your credential lacks the scope webhooks or jobs:read. Ask the gateway's operator for one that has both.";
const NONE =
  "No server is called yet. Make a webhook, and the gateway calls your server when a job ends.";
