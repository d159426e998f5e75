import { Folded } from "../parts/folded";
import { type Field, toLabel } from "../form/fields";
import { GivenFile } from "../form/given-file";
import type { FullJob } from "./use-job";

/** What was sent, one value a line, named and in order as in the form. */
export function InputTable({
  job,
  fields,
}: {
  readonly job: FullJob;
  readonly fields: readonly Field[];
}) {
  const input =
    typeof job.input === "object" && job.input !== null ? Object.entries(job.input) : [];
  const rank = new Map(fields.map(({ name }, index) => [name, index]));
  const sorted = input.toSorted(
    ([a], [b]) => (rank.get(a) ?? rank.size) - (rank.get(b) ?? rank.size),
  );
  if (sorted.length === 0) return <p className="faint">No inputs were sent.</p>;
  return (
    <table className="input">
      <tbody>
        {sorted.map(([name, value]) => {
          const field = fields.find((one) => one.name === name);
          const isDefault =
            field !== undefined && JSON.stringify(field.fallback) === JSON.stringify(value);
          return (
            <tr key={name}>
              <th scope="row" title={`${name}\n${field?.description ?? ""}`}>
                {field?.label ?? toLabel(name)}
              </th>
              <td>
                <Value value={value} />
                {isDefault && <span className="faint origin">default</span>}
              </td>
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
  if (value.startsWith("upload:")) return <GivenFile reference={value} />;
  if (!/^https?:\/\//.test(value)) return <Folded text={value} />;
  return (
    <a href={value} target="_blank" rel="noreferrer">
      {value}
    </a>
  );
}
