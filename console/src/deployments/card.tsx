import { useCallback, useRef, useState } from "react";
import { Link } from "wouter";

import { useSeen } from "../parts/use-seen";
import { useViewer } from "../viewer";
import { CopyId } from "./copy-id";
import { FieldsTable } from "./fields-table";
import { History } from "./history";
import { LiveFacts } from "./live-facts";
import { Running } from "./running";
import { type Deployment, KINDS, tellPrice, tellStats } from "./words";

/** A deployment: what it is for and how it goes; the rest is asked for once it is unfolded and on the screen. */
export function DeploymentCard({
  deployment: { id, kind, name, description, model, price, stats, inputSchema },
  isUnfolded,
}: {
  readonly deployment: Deployment;
  readonly isUnfolded: boolean;
}) {
  const viewer = useViewer();
  const [isOpen, setOpen] = useState(isUnfolded);
  const card = useRef<HTMLElement>(null);
  const [isShown, setShown] = useState(false);
  const [wasShown, setWasShown] = useState(false);
  const onSeen = useCallback((isSeen: boolean) => {
    setShown(isSeen);
    if (isSeen) setWasShown(true);
  }, []);
  useSeen(card, "100px", onSeen);

  const path = encodeURIComponent(id);
  return (
    <article ref={card} className="card deployment" aria-label={name}>
      <div className="deployment-head">
        <h2>{name}</h2>
        <span className="faint">{model === null ? KINDS[kind] : `${KINDS[kind]}, ${model}`}</span>
        <span className="deployment-links">
          {viewer.mayRead && (
            <Link href={`/gallery?deployment=${path}`} aria-label={`Pictures of ${name}`}>
              Pictures
            </Link>
          )}
          {viewer.may("jobs:submit") && (
            <Link className="button primary" href={`/run/${path}`} aria-label={`Run ${name}`}>
              Run
            </Link>
          )}
        </span>
      </div>
      {description && <p>{description}</p>}
      {price && <p>{tellPrice(price)}</p>}
      <CopyId id={id} />
      <p>{tellStats(stats)}</p>
      <details open={isOpen} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <summary>Details</summary>
        {isOpen && wasShown ? (
          <div className="deployment-details">
            <div className="deployment-present">
              {/* A model has no instances of its own. */}
              {kind !== "MODEL" && <LiveFacts id={id} isShown={isShown} />}
              {viewer.mayRead && <Running id={id} />}
            </div>
            {viewer.mayRead && <History id={id} />}
            <FieldsTable name={name} inputSchema={inputSchema} />
          </div>
        ) : (
          <div className="deployment-details deployment-later" />
        )}
      </details>
    </article>
  );
}
