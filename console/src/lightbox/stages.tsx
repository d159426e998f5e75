import { useState } from "react";

import { isZoomable } from "../model/pictures";
import { Before, useBefore } from "./before";
import { Media } from "./media";
import { type Seen, Stage } from "./stage";
import type { Opened } from "./use-opened";
import { ACTUAL, FIT, ZOOM_IN, ZOOM_OUT } from "./zoom";

/** A picture, or two that are zoomed and moved together, with the buttons for that and to go on. */
export function Stages({
  opened,
  actuals,
  onActual,
  ...seen
}: Seen & {
  readonly opened: readonly Opened[];
  /** Of each the scale at which it is seen at 100 %; null until that is known. */
  readonly actuals: readonly (number | null)[];
  readonly onActual: (index: number, actual: number | null) => void;
}) {
  const { view, onZoom, before, after, onGo } = seen;
  const isPair = opened.length > 1;
  const given = useBefore(isPair ? undefined : opened[0]?.picture);
  /** How much of what went in is seen, in percent; null while that is not compared. */
  const [part, setPart] = useState<number | null>(null);
  const percents = actuals.flatMap((actual) =>
    actual ? Math.round((view.scale / actual) * 100) : [],
  );
  const step = (name: string, sign: string, to: Seen["before"]) => (
    <button
      key={name}
      className={`lightbox-round lightbox-${name.toLowerCase()}`}
      aria-label={`${name} picture`}
      // One that is disabled would lose the focus at the end.
      aria-disabled={!to}
      onClick={() => onGo(to)}
    >
      {sign}
    </button>
  );
  return (
    <div className={isPair ? "lightbox-stages lightbox-pair" : "lightbox-stages"}>
      {opened.map(({ picture, problem }, index) => (
        <Stage
          key={index}
          {...seen}
          picture={picture}
          onActual={(actual) => onActual(index, actual)}
          over={(style) =>
            given !== "" &&
            part !== null && <Before url={given} part={part} style={style} onPart={setPart} />
          }
        >
          {picture ? (
            <Media key={picture.key} picture={picture} />
          ) : (
            <p role={problem && "alert"}>{problem ?? "Fetching…"}</p>
          )}
        </Stage>
      ))}
      {!isPair && [step("Newer", "‹", before), step("Older", "›", after)]}
      {opened.some(({ picture }) => picture && isZoomable(picture)) && (
        <div className="floating row lightbox-zoom" role="group" aria-label="Zoom">
          <button
            className="plain"
            aria-label="Zoom out"
            aria-keyshortcuts="-"
            onClick={() => onZoom(ZOOM_OUT)}
          >
            −
          </button>
          <span className="lightbox-percent">
            {percents.length > 0 && `${[...new Set(percents)].join(" / ")} %`}
          </span>
          <button
            className="plain"
            aria-label="Zoom in"
            aria-keyshortcuts="+"
            onClick={() => onZoom(ZOOM_IN)}
          >
            +
          </button>
          <button
            title="Show all of it"
            aria-keyshortcuts="0"
            aria-pressed={view.scale === 1}
            onClick={() => onZoom(FIT)}
          >
            Fit
          </button>
          <button
            title="Show each of its pixels as one of the screen's"
            aria-keyshortcuts="1"
            aria-pressed={view.scale === actuals[0]}
            onClick={() => onZoom(ACTUAL)}
          >
            100 %
          </button>
          {given !== "" && (
            <button aria-pressed={part !== null} onClick={() => setPart(part === null ? 50 : null)}>
              Before and after
            </button>
          )}
        </div>
      )}
    </div>
  );
}
