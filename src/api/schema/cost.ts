import { COST_SOURCES } from "../../engine/job/cost.ts";
import { findCost, quote } from "../../engine/use-cases/costs.ts";
import type { Builder } from "./builder.ts";

/** Adds what jobs and inputs cost. */
export function addCost(builder: Builder): void {
  const costSource = builder.enumType("CostSource", {
    description: "How a cost is known. Later versions may add values.",
    values: SOURCES,
  });
  builder.objectType("Cost", {
    description:
      "What a run costs, in US dollars: `usd`, or from `minUsd` to `maxUsd`. An amount that is null does not mean free: never show or sum it as 0.",
    fields: (t) => ({
      source: t.expose("source", { type: costSource, description: "How it is known." }),
      usd: t.exposeFloat("usd", {
        nullable: true,
        description: "US dollars; null when it is UNKNOWN, or lies between two bounds.",
      }),
      minUsd: t.exposeFloat("minUsd", {
        nullable: true,
        description: "The lower bound; null unless it lies between two.",
      }),
      maxUsd: t.exposeFloat("maxUsd", {
        nullable: true,
        description: "The upper bound; null unless it lies between two.",
      }),
      reason: t.exposeString("reason", {
        nullable: true,
        description:
          "When UNKNOWN, why, and what would help; when ESTIMATED, what it is based on. Null when EXACT. For people.",
      }),
      pricedAt: t.expose("pricedAt", {
        type: "DateTime",
        description: "From when this is. A later price changes no cost of before.",
      }),
    }),
  });

  builder.objectField("Job", "cost", (t) =>
    t.field({
      type: "Cost",
      description:
        "What the run costs. RunComfy reports it for a model's job that SUCCEEDED, sometimes only seconds after the end, or never: `jobUpdated` may complete before that, so query the job again later, or use `jobsUpdated`. Until then, and for all others, it is ESTIMATED or UNKNOWN. A job that was never sent costs 0.",
      complexity: 3,
      resolve: (job, _arguments, context) => findCost(context, job),
    }),
  );
  builder.objectField("InputCheck", "cost", (t) =>
    t.field({
      type: "Cost",
      description:
        "What a submit of the input would probably cost: no quote that binds RunComfy. Also of an input with issues, unless nothing of it can be stored.",
      complexity: 10,
      resolve: (check, _arguments, context) => quote(context, check),
    }),
  );
}

const SOURCES: Readonly<Record<(typeof COST_SOURCES)[number], { readonly description: string }>> = {
  EXACT: { description: "RunComfy reported it for this run, or the job was never sent." },
  ESTIMATED: { description: "The gateway estimates it; `reason` says from what." },
  UNKNOWN: { description: "Nobody knows it, which does not mean free; `reason` says why." },
};
