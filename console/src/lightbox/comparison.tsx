import { toLabel } from "../form/fields";
import { isObject } from "../form/json";
import { useFields } from "../jobs/use-fields";
import { describe, type Shown } from "./pictures";

/** In what two pictures were asked for differently, and the way back to one of them. */
export function Comparison({
  one,
  other,
  onKeep,
}: {
  readonly one: Shown;
  /** Null until it has come. */
  readonly other: Shown | null;
  readonly onKeep: (picture: Shown) => void;
}) {
  const fields = useFields(one.job.deployment.id);
  const labels = new Map(fields.map(({ name, label }) => [name, label]));
  const differences = other === null ? [] : differencesOf(one, other);
  return (
    <>
      <div className="lightbox-told">
        <h2>What differs</h2>
        {differences.length === 0 && other !== null && (
          <p className="hint">Both were asked for in the same words, with the same values.</p>
        )}
        <dl className="lightbox-differences">
          {differences.map(([name, first, second]) => (
            <div key={name}>
              <dt>{labels.get(name) ?? toLabel(name)}</dt>
              <Asked of="First" value={first} />
              <Asked of="Second" value={second} />
            </div>
          ))}
        </dl>
      </div>
      <div className="lightbox-actions">
        <button title={describe(one)} onClick={() => onKeep(one)}>
          Only the first
        </button>
        {other !== null && (
          <button title={describe(other)} onClick={() => onKeep(other)}>
            Only the second
          </button>
        )}
      </div>
    </>
  );
}

function Asked({ of, value }: { readonly of: string; readonly value: string }) {
  return (
    <dd dir="auto">
      <span className="unseen">{of}: </span>
      {value}
    </dd>
  );
}

type Difference = readonly [name: string, first: string, second: string];

function differencesOf(one: Shown, other: Shown): readonly Difference[] {
  const [first, second] = [toValues(one), toValues(other)];
  return [...new Set([...Object.keys(first), ...Object.keys(second)])].flatMap((name) => {
    const values = [toText(first[name]), toText(second[name])] as const;
    return values[0] === values[1] ? [] : [[name, ...values] as const];
  });
}

/** What a picture was asked for with, and of which deployment. */
function toValues({ job: { input, deployment } }: Shown): Readonly<Record<string, unknown>> {
  return { ...(isObject(input) ? input : {}), deployment: deployment.name };
}

function toText(value: unknown): string {
  if (value === undefined) return "–";
  return typeof value === "string" ? value : JSON.stringify(value);
}
