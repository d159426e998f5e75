import { formatSeconds } from "../parts/time";
import { clock, useStore } from "../store";

/** How long something has gone on so far. */
export function Elapsed({ since }: { readonly since: string }) {
  const seconds = Math.max(0, (useStore(clock) - Date.parse(since)) / 1_000);
  return (
    <span className="so-far" title="so far">
      {formatSeconds(Math.floor(seconds)).replace(".0", "")}…
    </span>
  );
}
