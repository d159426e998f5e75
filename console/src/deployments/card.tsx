import { useRef, useState } from "react";
import { Link } from "wouter";

import { Copy } from "../parts/copy";
import { useFresh } from "../parts/use-fresh";
import { useSeen } from "../parts/use-seen";
import { useQuery } from "../session";
import { useViewer } from "../viewer";
import { LOAD } from "./deployment-queries";
import { LiveFacts } from "./live-facts";
import { type Deployment, formatUsd, KINDS, type Stats, tellStats, toFigures } from "./words";

/** A deployment: what it is for and how it goes in figures, which follow its jobs while it is seen; the rest is folded. */
export function DeploymentCard({ deployment }: { readonly deployment: Deployment }) {
  const { id, kind, name, description, model, price } = deployment;
  const viewer = useViewer();
  const card = useRef<HTMLElement>(null);
  const [isSeen, setSeen] = useState(false);
  useSeen(card, "100px", setSeen);
  const isAsked = isSeen && viewer.mayRead;
  const { data, ask } = useQuery(LOAD, { id }, isAsked);
  useFresh(
    (job) => job.deployment.id === id,
    () => void (isAsked && ask()),
  );
  const stats = data?.deployment?.stats ?? deployment.stats;

  const path = encodeURIComponent(id);
  return (
    <article ref={card} className="card deployment" aria-label={name}>
      <div className="row">
        <h2>{name}</h2>
        <span className="chip">{KINDS[kind]}</span>
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
      <dl className="deployment-figures">
        {toFigures(stats).map((figure) => (
          <Figure key={figure.name} {...figure} />
        ))}
        {viewer.mayRead && (
          <Figure
            name="Queue"
            value={String(data?.waiting.totalCount ?? "–")}
            note={`${data?.running.totalCount ?? "–"} running`}
            href={`/jobs?status=active&deployment=${path}`}
          />
        )}
        {price && (
          <Figure name="Price from" value={formatUsd(price.amount)} note={`per ${price.unit}`} />
        )}
      </dl>
      {price?.note && <p className="hint">{price.note}</p>}
      <Details {...{ id, kind, model, stats }} />
    </article>
  );
}

/** What there is to know beside the figures, asked for once it is unfolded. */
function Details({
  id,
  kind,
  model,
  stats,
}: Pick<Deployment, "id" | "kind" | "model"> & { readonly stats: Stats }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>Details</summary>
      {isOpen && (
        <dl className="deployment-facts">
          <dt>Id</dt>
          <dd>
            <code>{id}</code> <Copy text={id} name={`the id ${id}`} />
          </dd>
          {model !== null && (
            <>
              <dt>Model</dt>
              <dd>{model}</dd>
            </>
          )}
          <dt>Runs</dt>
          <dd>{tellStats(stats)}</dd>
          {/* A model has no instances of its own. */}
          {kind !== "MODEL" && <LiveFacts id={id} />}
        </dl>
      )}
    </details>
  );
}

function Figure({
  name,
  value,
  note,
  href,
}: {
  readonly name: string;
  readonly value: string;
  readonly note: string;
  readonly href?: string;
}) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <span className="deployment-figure">
          {href === undefined ? value : <Link href={href}>{value}</Link>}
        </span>
        <span className="hint">{note}</span>
      </dd>
    </div>
  );
}
