import type { Plan } from "./plan.ts";

/** What of a plan is kept: the number of its gateways, and the indexes of its errands and faults. */
export type Part = {
  readonly gateways: number;
  readonly errands: readonly number[];
  readonly faults: readonly number[];
};

export function wholeOf({ gateways, errands, faults }: Plan): Part {
  return { gateways, errands: [...errands.keys()], faults: [...faults.keys()] };
}

export function take(plan: Plan, { gateways, errands, faults }: Part): Plan {
  const pick = <Item>(items: readonly Item[], kept: readonly number[]): Item[] =>
    kept.flatMap((index) => items[index] ?? []);
  return {
    ...plan,
    gateways,
    errands: pick(plan.errands, errands),
    faults: pick(plan.faults, faults),
  };
}

/**
 * A part of a failing plan that still fails: fewer gateways, faults and errands, by halves and then one by one. Tries at
 * most `mostRuns` parts.
 */
export async function shrink(
  plan: Plan,
  fails: (plan: Plan) => Promise<boolean>,
  mostRuns = 150,
): Promise<Part> {
  let part = wholeOf(plan);
  let runs = 0;

  async function isKept(smaller: Part): Promise<boolean> {
    if (runs >= mostRuns) return false;
    runs += 1;
    if (!(await fails(take(plan, smaller)))) return false;
    part = smaller;
    return true;
  }

  async function drop(from: "errands" | "faults"): Promise<void> {
    for (let size = Math.ceil(part[from].length / 2); size >= 1; size = Math.floor(size / 2)) {
      for (let at = 0; at < part[from].length && runs < mostRuns;) {
        const left = part[from].toSpliced(at, size);
        if (!(await isKept({ ...part, [from]: left }))) at += size;
      }
    }
  }

  for (let gateways = 1; gateways < part.gateways; gateways++) {
    if (await isKept({ ...part, gateways })) break;
  }
  await drop("faults");
  await drop("errands");
  return part;
}
