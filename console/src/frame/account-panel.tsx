import { useState } from "react";
import { Link } from "wouter";

import { HAS_GRAPHIQL } from "../session/gateway";
import { useParts } from "../session/part";
import { useStore } from "../session/store";
import { useViewer } from "../session/viewer";
import { areLettersKeys, isNotified } from "./settings";
import { showKeys } from "./shortcuts";
import { signOut } from "./sign-ins";

/** What each scope lets one do. */
const SCOPES = [
  ["jobs:submit", "run jobs"],
  ["jobs:read", "see your jobs"],
  ["jobs:read:all", "see everybody's jobs"],
  ["jobs:cancel", "cancel and delete your jobs"],
  ["jobs:approve", "approve jobs that wait for it"],
  ["operate", "pause deployments"],
] as const;
const LIST = new Intl.ListFormat("en");

/** Who the page is for, what they may do, and the screens of parts, each with what there is new of it. */
export function AccountPanel({ news }: { readonly news: ReadonlyMap<string, string> }) {
  const viewer = useViewer();
  const parts = useParts();
  const scopes = [...SCOPES, ...parts.flatMap((part) => part.scopes ?? [])];
  const [problem, setProblem] = useState("");
  const allowed = scopes.filter(([scope]) => viewer.may(scope)).map(([, words]) => words);
  return (
    <>
      <p>
        <strong>{viewer.id}</strong>
        <br />
        <span className="hint">
          {viewer.isSignedIn ? "" : "No sign-in is needed here. "}
          You may {LIST.format(allowed) || "look at the deployments"}.
          {!viewer.mayRead && " Nothing is live: your credential lacks the scope jobs:read."}
        </span>
      </p>
      <div
        className="frame-links"
        onClick={({ target, currentTarget }) => {
          if (target instanceof Element && target.closest("a"))
            currentTarget.parentElement?.hidePopover();
        }}
      >
        {parts.map(
          ({ screen }) =>
            screen &&
            (screen.isFor?.(viewer) ?? true) && (
              <Link key={screen.path} href={screen.path}>
                {screen.name} <span className="issue">{news.get(screen.name)}</span>
              </Link>
            ),
        )}
        {HAS_GRAPHIQL && <a href="/graphql">GraphiQL</a>}
      </div>
      <Settings />
      {viewer.isSignedIn && (
        <button onClick={async () => setProblem(await signOut())}>Sign out</button>
      )}
      {problem !== "" && <p role="alert">{problem}</p>}
    </>
  );
}

function Settings() {
  const isOn = useStore(areLettersKeys);
  const notifies = useStore(isNotified);
  const isBlocked = !("Notification" in window) || Notification.permission === "denied";

  async function askToNotify(isWanted: boolean): Promise<void> {
    // It shows what was pressed in any case, and then the outcome.
    isNotified.set(isWanted);
    if (isWanted) isNotified.set((await Notification.requestPermission()) === "granted");
  }

  return (
    <div className="stack small">
      <label className="check">
        <input
          type="checkbox"
          checked={isOn}
          onChange={({ target }) => areLettersKeys.set(target.checked)}
        />
        Single letters are shortcuts
      </label>
      <label className="check">
        <input
          type="checkbox"
          checked={notifies && !isBlocked}
          disabled={isBlocked}
          onChange={({ target }) => void askToNotify(target.checked)}
        />
        Notify me when a job ends{isBlocked && " (this browser blocks it)"}
      </label>
      <button
        onClick={({ currentTarget }) => {
          // First, so that the focus has somewhere to go back to.
          currentTarget.closest<HTMLElement>("[popover]")?.hidePopover();
          showKeys();
        }}
      >
        All shortcuts
      </button>
    </div>
  );
}
