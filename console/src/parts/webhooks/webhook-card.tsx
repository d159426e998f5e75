import { useEffect, useRef, useState } from "react";

import { useCall } from "../../session/use-call";
import { AskFirst } from "../../ui/confirm";
import { Copy } from "../../ui/copy";
import { Ago } from "../../ui/time";
import { Deliveries } from "./deliveries";
import { EVENTS, type Webhook, WebhookForm } from "./webhook-form";
import { DELETE, ROTATE, UPDATE } from "./webhook-queries";

/** A webhook: how it does, what can be done with it and, unfolded, its deliveries. */
export function WebhookCard({
  webhook,
  onChanged,
}: {
  readonly webhook: Webhook;
  readonly onChanged: () => void;
}) {
  const { id, url, events, deploymentId, tag, disabledAt, disabledReason } = webhook;
  const { isBusy, problem, call } = useCall();
  const [isChanging, setChanging] = useState(false);
  const [isOpen, setOpen] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const leave = (): void => setChanging(false);

  async function rotate(): Promise<void> {
    const rotated = await call(ROTATE, { id });
    if (rotated && "secret" in rotated) setSecret(rotated.secret);
  }

  return (
    <article className="card" aria-label={url}>
      <div className="row">
        <h2>{url}</h2>
        <State {...webhook} />
      </div>
      <p className="hint">
        Called{" "}
        {events === null
          ? "for every event"
          : `when ${LIST.format(events.map((event) => EVENTS[event]))}`}
        {deploymentId !== null && `; jobs of ${deploymentId} only`}
        {tag !== null && `; jobs with the tag ${tag} only`}
      </p>
      {disabledReason !== null && <p className="issue">{disabledReason}</p>}
      {secret !== null && <Secret key={secret} text={secret} onSeen={() => setSecret(null)} />}
      {isChanging ? (
        <WebhookForm
          webhook={webhook}
          onSaved={() => {
            leave();
            onChanged();
          }}
          onLeave={leave}
        />
      ) : (
        <div className="row">
          {disabledAt !== null && (
            <button
              disabled={isBusy}
              onClick={() => void call(UPDATE, { id, isEnabled: true }).then(onChanged)}
            >
              Enable again
            </button>
          )}
          <button onClick={() => setChanging(true)}>Change</button>
          <button disabled={isBusy} onClick={() => void rotate()}>
            New secret
          </button>
          <AskFirst
            label="Delete"
            isDisabled={isBusy}
            title="Delete this webhook?"
            action="Delete"
            onConfirm={() => void call(DELETE, { id }).then(onChanged)}
          >
            Its server is not called any more, also not with what waits.
          </AskFirst>
        </div>
      )}
      {problem !== "" && <p role="alert">{problem}</p>}
      <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <summary>Deliveries</summary>
        {isOpen && <Deliveries id={id} isCalled={disabledAt === null} />}
      </details>
    </article>
  );
}

function State({ disabledAt, failingSince }: Webhook) {
  const at = disabledAt ?? failingSince;
  if (at === null) return <span className="status status-succeeded end">Active</span>;
  return (
    <span className={`status end ${disabledAt ? "status-failed" : ""}`}>
      {disabledAt ? "Disabled" : "Failing, first"} <Ago at={at} />
    </span>
  );
}

/** A webhook's secret. It is not given again, so it stays until one says that one has it. */
export function Secret({ text, onSeen }: { readonly text: string; readonly onSeen: () => void }) {
  const section = useRef<HTMLElement>(null);
  useEffect(() => section.current?.focus(), []);
  return (
    <section ref={section} className="card" aria-label="Its secret" tabIndex={-1}>
      <p>
        Give this secret to your server, which verifies by it who calls. It is shown this once. One
        that it had before works for 24 hours more.
      </p>
      <code>{text}</code>
      <div className="row">
        <Copy text={text} name="the secret" />
        <button onClick={onSeen}>I have it</button>
      </div>
    </section>
  );
}

const LIST = new Intl.ListFormat("en", { type: "disjunction" });
