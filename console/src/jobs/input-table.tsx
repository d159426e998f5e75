import { useQuery } from "urql";

import type { FullJob } from "./use-job";
import { INPUT_FIELDS } from "./documents";

/** What was sent, one value a line, in the deployment's order. */
export function InputTable({ job }: { readonly job: FullJob }) {
  const [{ data }] = useQuery({
    query: INPUT_FIELDS,
    variables: { deploymentId: job.deployment.id },
    requestPolicy: "cache-first",
  });
  const fields = data?.deployment?.inputFields ?? [];
  const input =
    typeof job.input === "object" && job.input !== null ? Object.entries(job.input) : [];
  const rank = new Map(fields.map(({ name }, index) => [name, index]));
  const sorted = input.toSorted(
    ([a], [b]) => (rank.get(a) ?? rank.size) - (rank.get(b) ?? rank.size),
  );
  if (sorted.length === 0) return <p className="faint">Nothing was sent.</p>;
  return (
    <table className="input">
      <tbody>
        {sorted.map(([name, value]) => {
          const field = fields.find((one) => one.name === name);
          const isDefault =
            field !== undefined && JSON.stringify(field.default) === JSON.stringify(value);
          return (
            <tr key={name}>
              <th scope="row" title={field?.description ?? undefined}>
                {name}
              </th>
              <td>
                <Value value={value} />
              </td>
              <td className="faint origin">{isDefault && "default"}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Value({ value }: { readonly value: unknown }) {
  if (typeof value !== "string") {
    const isPlain = typeof value !== "object" || value === null;
    return isPlain ? JSON.stringify(value) : <pre>{JSON.stringify(value, null, 2)}</pre>;
  }
  if (value === "") return <span className="faint">empty</span>;
  const upload = /^upload:(upl_[0-9a-f]+)$/.exec(value)?.[1];
  if (upload !== undefined)
    return (
      <>
        an uploaded file <span className="faint">({upload})</span>
      </>
    );
  if (!/^https?:\/\//.test(value)) return <span className="text">{value}</span>;
  return (
    <a href={value} target="_blank" rel="noreferrer">
      {value}
    </a>
  );
}
