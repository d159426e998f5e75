import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";

import { formatUsd, KINDS } from "../model/words";
import { useAgain, useFresh, useQuery } from "../session/session";
import { useViewer } from "../session/viewer";
import { Copy } from "../ui/copy";
import { Fact } from "../ui/fact";
import { Figure } from "../ui/figure";
import { Paused } from "../ui/paused";
import { LIVE_FACTS, LOAD } from "./deployment-queries";
import { Pause } from "./pause";
import { type Deployment, tellLive, tellStats, toFigures } from "./words";

/** A deployment: what it is for and how it goes in figures, which follow its jobs while it is seen; the rest is folded. */
export function DeploymentCard({ deployment }: { readonly deployment: Deployment }) {
  const { id, kind, name, description, model, price } = deployment;
  const viewer = useViewer();
  const card = useRef<HTMLElement>(null);
  const [isSeen, setSeen] = useState(false);
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    if (card.current === null) return;
    const observer = new IntersectionObserver(
      (entries) => setSeen(entries.at(-1)?.isIntersecting === true),
      { rootMargin: "100px" },
    );
    observer.observe(card.current);
    return () => observer.disconnect();
  }, []);
  const isAsked = isSeen && viewer.mayRead;
  const { data, ask } = useQuery(LOAD, { id }, isAsked);
  useFresh(
    (job) => job.deployment.id === id,
    () => void (isAsked && ask()),
  );
  // What the gateway learns of runs may be two seconds old.
  useAgain(ask, isAsked);
  const stats = data?.deployment?.stats ?? deployment.stats;

  const path = encodeURIComponent(id);
  return (
    <article ref={card} className="card" aria-label={name}>
      <div className="row">
        <h2>{name}</h2>
        <span className="chip">{KINDS[kind]}</span>
        <span className="row end">
          {viewer.may("operate") && <Pause id={id} />}
          {viewer.mayRead && (
            <Link href={`/gallery?deployment=${path}`} aria-label={`Results of ${name}`}>
              Results
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
      <Paused deploymentId={id} />
      <dl className="deployment-figures">
        {toFigures(stats).map((figure) => (
          <Figure key={figure.name} {...figure} />
        ))}
        {viewer.mayRead && (
          <Figure
            name="Queue"
            value={
              <Link href={`/jobs?status=active&deployment=${path}`}>
                {data?.waiting.totalCount ?? "–"}
              </Link>
            }
            note={`${data?.running.totalCount ?? "–"} running`}
          />
        )}
        {price && (
          <Figure name="Price from" value={formatUsd(price.amount)} note={`per ${price.unit}`} />
        )}
      </dl>
      {price?.note && <p className="hint">{price.note}</p>}
      <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <summary>Details</summary>
        {isOpen && (
          <dl>
            <Fact name="ID">
              <code>{id}</code> <Copy text={id} name={`the id ${id}`} />
            </Fact>
            <Facts facts={[["Model", model], ...tellStats(stats)]} />
            {/* A model has no instances of its own. */}
            {kind !== "MODEL" && <LiveFacts id={id} />}
          </dl>
        )}
      </details>
    </article>
  );
}

/** How RunComfy runs it at the moment, asked for once it is unfolded. */
function LiveFacts({ id }: { readonly id: string }) {
  const { data, error, ask } = useQuery(LIVE_FACTS, { id });
  useAgain(ask);
  const live = data?.deployment?.live;
  if (live) return <Facts facts={tellLive(live)} />;
  return <Facts facts={[["At RunComfy", error?.message ?? (data ? UNKNOWN : "Asking…")]]} />;
}

/** Each with its name; what is not known is left out. */
function Facts({ facts }: { readonly facts: readonly (readonly [string, string | null])[] }) {
  return facts.map(
    ([name, words]) =>
      words !== null && (
        <Fact key={name} name={name}>
          {words}
        </Fact>
      ),
  );
}

const UNKNOWN =
  "RunComfy does not know this deployment, or can't be asked at the moment. It is asked again by itself.";
