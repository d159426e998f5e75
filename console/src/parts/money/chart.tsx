import type { SpendingQuery } from "../../gql";
import { formatUsd } from "../../model/words";
import { type Bar, formatDay, type Month, toBars } from "./month";
import { tellJobs, tellSpent } from "./spent";
import { SpentTable } from "./tables";

/** So that a day that cost little is seen. */
const LEAST = 0.015;
/** Above the highest bar, for what marks that it is not all. */
const ROOM = 0.06;

/** A bar for each day, and the same as a table. */
export function Chart({
  month,
  days,
}: {
  readonly month: Month;
  readonly days: SpendingQuery["days"];
}) {
  const { topUsd, bars } = toBars(days);
  const first = Date.parse(month.from);
  const middle = new Date(first + 14 * 86_400_000).toISOString();
  return (
    <figure className="stack tight">
      <div className="hint">{topUsd > 0 && formatUsd(topUsd)}</div>
      <svg
        className="money-chart"
        role="img"
        aria-label={`What each day of ${month.name} cost; the table below has it in figures`}
        viewBox={`0 ${-ROOM} ${month.days} ${1 + ROOM}`}
        preserveAspectRatio="none"
      >
        {bars.map((bar) => (
          <DayBar key={bar.at} bar={bar} x={(Date.parse(bar.at) - first) / 86_400_000} />
        ))}
      </svg>
      <div className="row money-axis hint" aria-hidden="true">
        {[month.from, middle, month.to].map((at) => (
          <span key={at}>{formatDay(at)}</span>
        ))}
      </div>
      <figcaption className="row hint">
        <span className="money-key money-exact">exact</span>
        <span className="money-key money-estimated">estimated</span>
        <span className="money-key money-unknown">jobs of unknown cost</span>
      </figcaption>
      <details>
        <summary>By day, as a table</summary>
        <SpentTable
          heading="Day"
          rows={bars.map(({ at, spent }) => ({ name: formatDay(at), spent }))}
        />
      </details>
    </figure>
  );
}

function DayBar({
  bar: { at, exact, estimated, spent },
  x,
}: {
  readonly bar: Bar;
  readonly x: number;
}) {
  const heights = [
    ["exact", exact],
    ["estimated", estimated],
    ["unknown", spent.unknownJobs > 0 ? 2 * LEAST : 0],
  ] as const;
  let top = 1;
  return (
    <g>
      <title>{`${formatDay(at)}: ${tellSpent(spent)} (${tellJobs(spent)})`}</title>
      <rect x={x} y={-ROOM} width="1" height={1 + ROOM} className="money-day" />
      {heights.map(([name, height]) => {
        if (height === 0) return null;
        const shown = Math.max(height, LEAST);
        top -= shown;
        return (
          <rect
            key={name}
            className={`money-${name}`}
            x={x + 0.12}
            y={top}
            width="0.76"
            height={shown}
          />
        );
      })}
    </g>
  );
}
