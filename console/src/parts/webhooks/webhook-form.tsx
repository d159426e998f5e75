import { useState } from "react";

import type { WebhookEvent, WebhooksQuery } from "../../gql";
import { useCall } from "../../session/use-call";
import { focus } from "../../ui/focus";
import { DeploymentSelect, TagInput } from "../../ui/selects";
import { CREATE, UPDATE } from "./webhook-queries";

export type Webhook = WebhooksQuery["webhooks"][number];

/** What has happened when a webhook is called. */
export const EVENTS: Readonly<Record<WebhookEvent, string>> = {
  JOB_HELD: "a job waits for an approval",
  JOB_SUCCEEDED: "a job succeeded",
  JOB_FAILED: "a job failed",
  JOB_CANCELLED: "a job was cancelled",
  JOB_KEPT: "a job's files were kept",
  WEBHOOK_DISABLED: "another webhook was disabled",
};

/** What arguments are called here. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ["url", "The URL"],
  ["events", "What it is called for"],
  ["filter.deploymentId", "The deployment"],
  ["filter.tag", "The tag"],
]);

/** To change a webhook, or to make one. */
export function WebhookForm({
  webhook,
  onSaved,
  onLeave,
}: {
  /** Null for one that is to be made. */
  readonly webhook: Webhook | null;
  /** Called with the secret of a new webhook. */
  readonly onSaved: (secret: string | null) => void;
  readonly onLeave: () => void;
}) {
  const [deploymentId, setDeploymentId] = useState(webhook?.deploymentId ?? "");
  const { isBusy, problem, call } = useCall(NAMES);

  async function save(form: FormData): Promise<void> {
    const read = (name: string): string => {
      const value = form.get(name);
      return typeof value === "string" ? value.trim() : "";
    };
    const all = Object.keys(EVENTS);
    const named = all.filter((event): event is WebhookEvent => form.has(event));
    const settings = {
      url: read("url"),
      // A webhook with all events also gets those that a later version adds.
      events: named.length === all.length ? null : named,
      filter: { deploymentId: deploymentId || null, tag: read("tag") || null },
    };
    const saved =
      webhook === null
        ? await call(CREATE, settings)
        : await call(UPDATE, { id: webhook.id, ...settings });
    if (saved !== null) onSaved("secret" in saved ? saved.secret : null);
  }

  return (
    <form
      className="card"
      aria-label={webhook === null ? "New webhook" : `Change ${webhook.url}`}
      onSubmit={(event) => {
        event.preventDefault();
        void save(new FormData(event.currentTarget));
      }}
    >
      <label className="field">
        URL of your server
        <input
          name="url"
          type="url"
          required
          ref={focus}
          placeholder="https://shop.example.com/jobs"
          defaultValue={webhook?.url}
        />
      </label>
      <fieldset className="row">
        <legend>Call it when</legend>
        {Object.entries(EVENTS).map(([event, words]) => (
          <label key={event} className="check">
            <input
              name={event}
              type="checkbox"
              defaultChecked={webhook?.events?.some((one) => one === event) ?? true}
            />
            {words}
          </label>
        ))}
      </fieldset>
      <div className="row">
        <DeploymentSelect value={deploymentId} onChange={setDeploymentId} />
        <label className="field">
          Tag
          <TagInput placeholder="Any" defaultValue={webhook?.tag ?? ""} />
        </label>
      </div>
      {problem !== "" && <p role="alert">{problem}</p>}
      <div className="row">
        <button className="primary" disabled={isBusy}>
          {webhook === null ? "Create" : "Save"}
        </button>
        <button type="button" onClick={onLeave}>
          Cancel
        </button>
      </div>
    </form>
  );
}
