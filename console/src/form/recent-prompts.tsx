import { useEffect, useEffectEvent, useState } from "react";
import { GatewayError } from "runcomfy-graphql-client";

import type { JobsQuery } from "../gql";
import { isObject, isText } from "../model/json";
import { JOBS } from "../session/queries";
import { useSession } from "../session/session";
import { useViewer } from "../session/viewer";
import { focus } from "../ui/focus";

const MAX_PROMPTS = 50;
const PAGE = 100;
/** Of jobs that all ask for the same, no more are read. */
const MAX_PAGES = 5;

/** What the viewer asked a deployment for last, to search and to take again. */
export function RecentPrompts({
  deploymentId,
  name,
  onTake,
}: {
  readonly deploymentId: string;
  /** Of the field that prompts are in. */
  readonly name: string;
  readonly onTake: (prompt: string) => void;
}) {
  const [typed, setTyped] = useState("");
  const { prompts, said } = useRecentPrompts(deploymentId, name);
  const words = typed.toLowerCase().split(/\s+/);
  const found = prompts.filter((one) => words.every((word) => one.toLowerCase().includes(word)));
  return (
    <>
      <input
        ref={focus}
        type="search"
        dir="auto"
        aria-label="Search recent prompts"
        placeholder="Search"
        value={typed}
        onChange={({ target }) => setTyped(target.value)}
      />
      <ul className="stack tight run-prompts">
        {found.map((prompt) => (
          <li key={prompt}>
            <button
              type="button"
              title={prompt}
              onClick={({ currentTarget }) => {
                currentTarget.closest<HTMLElement>("[popover]")?.hidePopover();
                onTake(prompt);
              }}
            >
              <span dir="auto" className="clamp">
                {prompt}
              </span>
            </button>
          </li>
        ))}
      </ul>
      <p role="status" className="hint">
        {said || (found.length === 0 && "None has these words.")}
      </p>
    </>
  );
}

/** The last different prompts, the newest first, and what else there is to say of them. */
function useRecentPrompts(deploymentId: string, name: string) {
  const { gateway } = useSession();
  const viewer = useViewer();
  const [prompts, setPrompts] = useState<readonly string[]>([]);
  const [said, setSaid] = useState("Looking…");
  const ask = useEffectEvent(async (signal: AbortSignal) => {
    // Only those who may see everybody's may say whose.
    const whose = viewer.may("jobs:read:all") ? { ownerId: viewer.id } : {};
    const found = new Set<string>();
    let after: string | null = null;
    for (let page = 0; page < MAX_PAGES && found.size < MAX_PROMPTS; page += 1) {
      const { jobs }: JobsQuery = await gateway.request(JOBS, {
        filter: { deploymentId, ...whose },
        first: PAGE,
        after,
      });
      if (signal.aborted) return;
      for (const { node } of jobs.edges) {
        const prompt = isObject(node.input) ? node.input[name] : undefined;
        if (isText(prompt) && prompt !== "") found.add(prompt);
      }
      setPrompts([...found].slice(0, MAX_PROMPTS));
      after = jobs.pageInfo.endCursor;
      if (!jobs.pageInfo.hasNextPage) break;
    }
    setSaid(found.size === 0 ? "You have not run this yet." : "");
  });
  useEffect(() => {
    const stop = new AbortController();
    ask(stop.signal).catch((error: unknown) => {
      if (!(error instanceof GatewayError)) throw error;
      if (!stop.signal.aborted) setSaid(error.message);
    });
    return () => stop.abort();
  }, []);
  return { prompts, said };
}
