import { Link } from "wouter";

import type { SpendingQuery } from "../../gql";
import { formatAbout } from "../../model/costs";
import { formatCount, formatWhole } from "../../model/words";
import { FRAME } from "../../session/queries";
import { useQuery } from "../../session/session";
import { useViewer } from "../../session/viewer";
import { formatSum, type Row, toRanking } from "./spent";

/** Of owners and deployments, so many. */
const MOST = 100;

export function OwnerTable({ rows }: { readonly rows: SpendingQuery["owners"] }) {
  const mayReadAll = useViewer().may("jobs:read:all");
  const named = rows.map(({ ownerId, ...spent }) => {
    const name = ownerId ?? "";
    const href = `/jobs?owner=${encodeURIComponent(name)}`;
    return mayReadAll ? { name, spent, href } : { name, spent };
  });
  return <Ranking title="By owner" heading="Owner" rows={named} />;
}

export function DeploymentTable({ rows }: { readonly rows: SpendingQuery["deployments"] }) {
  const { data } = useQuery(FRAME, {});
  const names = new Map(data?.deployments.map(({ id, name }) => [id, name]));
  const named = rows.map(({ deploymentId, ...spent }) => {
    const id = deploymentId ?? "";
    return {
      name: names.get(id) ?? id,
      spent,
      href: `/jobs?deployment=${encodeURIComponent(id)}`,
    };
  });
  return <Ranking title="By deployment" heading="Deployment" rows={named} />;
}

function Ranking({
  title,
  heading,
  rows,
}: {
  readonly title: string;
  readonly heading: string;
  readonly rows: readonly Row[];
}) {
  if (rows.length === 0) return null;
  return (
    <section className="card" aria-label={title}>
      <h2>{title}</h2>
      <SpentTable heading={heading} rows={toRanking(rows, MOST)} />
    </section>
  );
}

/** What is exact, estimated and unknown, each by itself; a sum of nothing is no amount. */
export function SpentTable({
  heading,
  rows,
}: {
  readonly heading: string;
  readonly rows: readonly Row[];
}) {
  return (
    <table className="money-table">
      <thead>
        <tr>
          {[heading, "Exact", "Estimated", "Unknown", "Jobs", "Ran"].map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ name, href, spent }) => (
          <tr key={href ?? name}>
            <th scope="row">{href === undefined ? name : <Link href={href}>{name}</Link>}</th>
            <td>{spent.exactUsd === 0 ? "–" : formatSum(spent.exactUsd)}</td>
            <td>{spent.estimatedUsd === 0 ? "–" : formatAbout(spent.estimatedUsd)}</td>
            <td>{spent.unknownJobs === 0 ? "–" : formatCount(spent.unknownJobs)}</td>
            <td>{formatCount(spent.jobs)}</td>
            <td>{formatWhole(spent.seconds)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
