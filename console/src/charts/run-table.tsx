import { useState } from "react";
import { Link } from "wouter";

import { Ago, formatSeconds } from "../parts/time";
import type { Run } from "./charted-run";

/** What the chart shows for whoever can't see or point, newest first. */
export function RunTable({ runs }: { readonly runs: readonly Run[] }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>As a table</summary>
      {isOpen && (
        <div className="run-times-table" role="region" aria-label="Runs" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">Submitted</th>
                <th scope="col">Waited</th>
                <th scope="col">Ran</th>
                <th scope="col">Ended</th>
              </tr>
            </thead>
            <tbody>
              {runs.toReversed().map(({ id, at, waited, ran, hasFailed }) => (
                <tr key={id}>
                  <td>
                    <Link href={`/jobs/${id}`}>
                      <Ago at={at} />
                    </Link>
                  </td>
                  <td>{formatSeconds(waited)}</td>
                  <td>{formatSeconds(ran)}</td>
                  <td>{hasFailed ? "failed" : "well"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}
