import { useEffect, useMemo, useState } from "react";

import { useQuery, useSession } from "../session";
import type { DeploymentRunsQuery } from "../gql";
import { RUNS } from "./deployment-queries";
import { useFresh } from "../parts/use-fresh";

const PAGE = 100;
const MAX_RUNS = 200;

type Edges = DeploymentRunsQuery["jobs"]["edges"];
type Held = {
  /** The newest page, as it came last. */
  readonly page: Edges;
  readonly edges: Edges;
  /** Whether those older than the first page are among `edges`. */
  readonly isWhole: boolean;
};

const NONE: Held = { page: [], edges: [], isWhole: true };

/** The last runs that have ended, newest first; null until they have come. The older half is asked for once only. */
export function useRuns(id: string) {
  const { gateway } = useSession();
  const filter = useMemo(
    () => ({ deploymentId: id, status: ["SUCCEEDED" as const, "FAILED" as const] }),
    [id],
  );
  const { data, error, ask } = useQuery(RUNS, { id, filter });
  useFresh(
    ({ deployment }) => deployment.id === id,
    () => void ask(),
  );

  const [held, setHeld] = useState(NONE);
  const page = data?.jobs.edges;
  if (page !== undefined && page !== held.page) setHeld(putInFront(page, held));

  const last = held.isWhole ? undefined : held.edges.at(-1)?.node.createdAt;
  useEffect(() => {
    if (last === undefined) return;
    let isGone = false;
    // By the next millisecond, since several may have been submitted within one.
    const createdBefore = new Date(Date.parse(last) + 1).toISOString();
    gateway.request(RUNS, { id, filter: { ...filter, createdBefore } }).then(
      (older) => isGone || setHeld((now) => putBehind(now, older.jobs.edges)),
      // The newer ones are shown, and the next change asks again.
      () => undefined,
    );
    return () => {
      isGone = true;
    };
  }, [gateway, id, filter, last]);

  return { edges: data ? held.edges : null, error };
}

function putInFront(page: Edges, held: Held): Held {
  const known = toIds(held.edges);
  if (page.length < PAGE || !page.some(({ node }) => known.has(node.id)))
    return { page, edges: page, isWhole: page.length < PAGE };
  const end = page.at(-1)?.node.createdAt ?? "";
  const older = without(held.edges, page).filter(({ node }) => node.createdAt <= end);
  return { ...held, page, edges: [...page, ...older].slice(0, MAX_RUNS) };
}

function putBehind(held: Held, older: Edges): Held {
  const edges = [...held.edges, ...without(older, held.edges)].slice(0, MAX_RUNS);
  return { ...held, edges, isWhole: true };
}

function without(edges: Edges, others: Edges): Edges {
  const ids = toIds(others);
  return edges.filter(({ node }) => !ids.has(node.id));
}

function toIds(edges: Edges): ReadonlySet<string> {
  return new Set(edges.map(({ node }) => node.id));
}
