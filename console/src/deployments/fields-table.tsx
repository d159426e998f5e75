import { useMemo } from "react";

import { readRows } from "./fields";

/** What the input is made of, folded away until it is asked for. */
export function FieldsTable({
  name,
  inputSchema,
}: {
  readonly name: string;
  readonly inputSchema: unknown;
}) {
  const rows = useMemo(() => readRows(inputSchema), [inputSchema]);
  if (rows.length === 0) {
    return (
      <p className="faint">
        Nothing is known of its fields. Whoever runs the gateway can add its schema; until then its
        input is written as JSON.
      </p>
    );
  }
  const required = rows.filter(({ isRequired }) => isRequired).map(({ label }) => label);
  return (
    <details className="deployment-fields">
      <summary>
        {rows.length} {rows.length === 1 ? "field" : "fields"}
        <span className="faint">
          {required.length > 0 ? ` required: ${required.join(", ")}` : " none is required"}
        </span>
      </summary>
      <div
        className="deployment-scroll"
        role="region"
        aria-label={`Fields of ${name}`}
        tabIndex={0}
      >
        <table>
          <thead>
            <tr>
              <th scope="col">Field</th>
              <th scope="col">Type</th>
              <th scope="col">Allowed</th>
              <th scope="col">Default</th>
              <th scope="col">What it is for</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.name}>
                <th scope="row">
                  {row.label} <code className="faint">{row.name}</code>
                  {row.isRequired && <span className="deployment-required">required</span>}
                </th>
                <td>{row.type}</td>
                <td>{row.allowed}</td>
                <td className="deployment-default">{row.fallback}</td>
                <td>{row.description}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
