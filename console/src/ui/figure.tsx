import type { ReactNode } from "react";

/** A large figure of a list, with what there is to say of it. */
export function Figure({
  name,
  value,
  note,
  isBad = false,
}: {
  readonly name: string;
  readonly value: ReactNode;
  readonly note: ReactNode;
  readonly isBad?: boolean;
}) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <div className={isBad ? "figure issue" : "figure"}>{value}</div>
        <div className="hint">{note}</div>
      </dd>
    </div>
  );
}
