/** One measured number; `ratio` is to the figure named by `against`, and null for one that stands for itself. */
export type Figure = {
  readonly name: string;
  readonly value: number;
  readonly unit:
    | "ms"
    | "µs"
    | "KiB"
    | "MiB"
    | "submits/s"
    | "polls"
    | "statements"
    | "statements/s";
  readonly ratio: number | null;
  readonly against: string | null;
};

/** A figure, with its ratio to another one where that is given. */
export function toFigure(name: string, value: number, unit: Figure["unit"], base?: Figure): Figure {
  return {
    name,
    value,
    unit,
    ratio: base === undefined ? null : value / base.value,
    against: base?.name ?? null,
  };
}

/** What was measured of each peer, and then of the last one, with its ratio to each of them. */
export function compare(
  what: string,
  unit: Figure["unit"],
  measured: readonly { readonly name: string; readonly value: number }[],
): Figure[] {
  const toName = ({ name }: { readonly name: string }) => `${what}: ${name}`;
  const peers = measured.slice(0, -1).map((one) => toFigure(toName(one), one.value, unit));
  const own = measured.slice(-1);
  return [
    ...peers,
    ...own.flatMap((one) => peers.map((peer) => toFigure(toName(one), one.value, unit, peer))),
  ];
}

/** The middle one; of an even number the lower of the two. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The lowest that is not exceeded by this share of them. */
export function quantile(values: readonly number[], share: number): number {
  const value = values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1];
  if (value === undefined)
    throw new Error("Nothing was measured. Let there be at least one round.");
  return value;
}

/** The figures as one table. */
export function toMarkdown(figures: readonly Figure[]): string {
  const rows = figures.map(({ name, value, unit, ratio, against }) => {
    const compared = ratio === null ? "" : `${ratio.toFixed(2)} × ${against}`;
    return `| ${name} | ${value.toFixed(value < 100 ? 1 : 0)} ${unit} | ${compared} |`;
  });
  return ["| measured | value | in relation |", "|---|---:|---|", ...rows].join("\n");
}
