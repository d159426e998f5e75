import { type InputHTMLAttributes, useState } from "react";

import type { QueueInput } from "../gql";

/** With years of four digits. */
const TIME = { type: "datetime-local", max: "9999-12-31T23:59" };
const NOTHING = { hold: false, sendAfter: "", sendBefore: "", priority: "0" };

/** How a job waits here, where it costs nothing, before it is sent. */
export function LaterForm({ onQueue }: { readonly onQueue: (queue: QueueInput) => void }) {
  const [given, setGiven] = useState(NOTHING);
  const set = (change: Partial<typeof NOTHING>): void => setGiven({ ...given, ...change });
  const field = (
    label: string,
    name: "sendAfter" | "sendBefore" | "priority",
    attributes: InputHTMLAttributes<HTMLInputElement>,
  ) => (
    <label className="field">
      {label}
      <input
        {...attributes}
        value={given[name]}
        onChange={({ target }) => set({ [name]: target.value })}
      />
    </label>
  );
  return (
    <>
      <p className="hint">It waits here, where it costs nothing, until its turn comes.</p>
      <label className="check">
        <input
          type="checkbox"
          checked={given.hold}
          onChange={({ target }) => set({ hold: target.checked })}
        />
        Hold it until I release it
      </label>
      {field("Not before", "sendAfter", TIME)}
      {field("Not at all after", "sendBefore", TIME)}
      {field("Priority among mine, the highest first", "priority", {
        type: "number",
        min: -100,
        max: 100,
      })}
      <button
        type="button"
        onClick={({ currentTarget }) => {
          const popover = currentTarget.closest<HTMLElement>("[popover]");
          // A time that is typed in part counts as none, and one without would be sent at once.
          const inputs = [...(popover?.querySelectorAll("input") ?? [])];
          if (!inputs.every((input) => input.reportValidity())) return;
          popover?.hidePopover();
          onQueue({
            hold: given.hold,
            sendAfter: toTime(given.sendAfter),
            sendBefore: toTime(given.sendBefore),
            priority: Math.round(Number(given.priority)),
          });
        }}
      >
        Let it wait here
      </button>
    </>
  );
}

/** What is typed is where the person is. */
function toTime(typed: string): string | null {
  return typed === "" ? null : new Date(typed).toISOString();
}
