import { Ago } from "../parts/time";
import type { FullJob } from "./use-job";
import { clock, useStore } from "../store";

type Asset = FullJob["assets"][number];

/** Whether a file stays, and what can be done so that it does. */
export function KeepLine({
  asset: { keep, keepError, expiresAt },
  onKeep,
}: {
  readonly asset: Asset;
  readonly onKeep?: (() => void) | undefined;
}) {
  const now = useStore(clock);
  const isGone = expiresAt !== null && Date.parse(expiresAt) <= now;
  const button = onKeep !== undefined && !isGone && <button onClick={onKeep}>Keep it</button>;
  if (keep === "KEPT") return <span className="keep kept">Kept here, for as long as the job.</span>;
  if (keep === "PENDING") return <span className="keep">Being copied, so that it stays…</span>;
  return (
    <span className="keep row">
      <span className={keep === "FAILED" ? "issue" : "warning"}>
        {keep === "FAILED" && `Not kept: ${keepError ?? "it could not be copied."} `}
        {expiresAt === null ? (
          "RunComfy deletes it 7 days after the job's end."
        ) : (
          <>
            RunComfy {isGone ? "deleted it" : "deletes it"} <Ago at={expiresAt} />.
          </>
        )}
      </span>
      {button}
    </span>
  );
}
