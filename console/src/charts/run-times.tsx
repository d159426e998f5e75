import { useEffect, useRef, useState } from "react";

import { Ago, formatSeconds } from "../parts/time";
import { useMedia } from "../parts/use-media";
import type { Chart } from "./draw-run-times";
import type { Run } from "./charted-run";
import { RunTable } from "./run-table";

/** Runs as columns, oldest first, and the same as a sentence and a table; null while they are fetched. */
export function RunTimes({ runs }: { readonly runs: readonly Run[] | null }) {
  const [pointed, setPointed] = useState<number | null>(null);
  const run = pointed === null ? undefined : runs?.[pointed];
  return (
    <div className="run-times">
      <p className="run-times-legend hint">
        <span className="run-times-waited">waited</span>
        <span>ran</span>
        {runs && runs.length > 0 && tellWhich(runs.length)}
      </p>
      <div className="run-times-chart">
        {runs === null && <p className="faint">Fetching runs…</p>}
        {runs?.length === 0 && <p className="faint">Run it once, and its times come here.</p>}
        {runs && runs.length > 0 && <Canvas runs={runs} onPoint={setPointed} />}
      </div>
      <p className="run-times-pointed hint">
        {run ? (
          <>
            <Ago at={run.at} />: waited {formatSeconds(run.waited)},{" "}
            {run.hasFailed ? "failed after" : "ran"} {formatSeconds(run.ran)}
          </>
        ) : (
          runs && runs.length > 0 && "Point at a column to see its times."
        )}
      </p>
      {runs && runs.length > 0 && <RunTable runs={runs} />}
    </div>
  );
}

function Canvas({
  runs,
  onPoint,
}: {
  readonly runs: readonly Run[];
  readonly onPoint: (index: number | null) => void;
}) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | null>(null);
  const latest = useRef(runs);
  const [isMissing, setMissing] = useState(false);
  const isDark = useMedia("(prefers-color-scheme: dark)");

  useEffect(() => {
    let isGone = false;
    // Apart, so that the other screens don't fetch what draws.
    import("./draw-run-times")
      .then(({ drawRunTimes }) => {
        if (isGone || place.current === null) return;
        chart.current = drawRunTimes(place.current, latest.current, onPoint);
      })
      .catch(() => setMissing(true));
    return () => {
      isGone = true;
      chart.current?.destroy();
      chart.current = null;
    };
    // Its colours are those of the scheme in which it is drawn.
  }, [isDark, onPoint]);
  useEffect(() => {
    latest.current = runs;
    chart.current?.show(runs);
  }, [runs]);

  if (isMissing)
    return <p className="faint">The chart can't be loaded. The table below has it all.</p>;
  return <div ref={place} className="run-times-canvas" role="img" aria-label={summarize(runs)} />;
}

function tellWhich(count: number): string {
  return count === 1
    ? "the last run whose start was seen"
    : `the last ${count} runs whose start was seen`;
}

function summarize(runs: readonly Run[]): string {
  const [waited, ran] = [middle(runs.map((run) => run.waited)), middle(runs.map((run) => run.ran))];
  return `Chart of the last ${runs.length} runs: half waited at most ${formatSeconds(waited)} and ran at most ${formatSeconds(ran)}. The table below has each of them.`;
}

function middle(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor((values.length - 1) / 2)] ?? 0;
}
