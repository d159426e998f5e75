import type { Builder } from "../../api/schema/builder.ts";
import type { Balance } from "./balance.ts";
import { toLeftMicros } from "./budgets.ts";
import { toUsd } from "./micros.ts";
import {
  DAY_MS,
  MAX_DAYS,
  MAX_ROWS,
  Money,
  type Usage,
  type USAGE_GROUPS,
  type UsedBudget,
} from "./usage.ts";

/** Adds what was spent, and the budgets. */
export function addMoney(builder: Builder): void {
  addBudgets(builder);
  addUsage(builder);
  addBalance(builder);
}

function addBudgets(builder: Builder): void {
  const budgetPeriod = builder.enumType("BudgetPeriod", {
    description: "When a budget renews. Later versions may add values.",
    values: {
      DAY: { description: "At midnight, UTC." },
      MONTH: { description: "At midnight on the first of a month, UTC." },
    },
  });
  const budget = builder.objectRef<UsedBudget>("Budget").implement({
    description: "What may be spent in a period, in US dollars, and what was spent of it.",
    fields: (t) => ({
      name: t.exposeString("name", {
        description: "Whose it is: `everybody`, or `owner`, `key` or `deployment` and its id.",
      }),
      period: t.field({
        type: budgetPeriod,
        description: "When it renews.",
        resolve: ({ period }) => (period === "day" ? "DAY" : "MONTH"),
      }),
      limitUsd: t.float({
        description: "What may be spent in a period.",
        resolve: ({ limitMicros }) => toUsd(limitMicros),
      }),
      spentUsd: t.float({
        description: "What jobs have cost that have ended, as far as that is known.",
        resolve: ({ spentMicros }) => toUsd(spentMicros),
      }),
      reservedUsd: t.float({
        description:
          "What jobs may cost that were sent and have not ended, or whose cost nobody knows.",
        resolve: ({ reservedMicros }) => toUsd(reservedMicros),
      }),
      leftUsd: t.float({
        description: "What new jobs may cost; 0 where more was spent than may be.",
        resolve: (used) => toUsd(toLeftMicros(used, used)),
      }),
      renewsAt: t.field({
        type: "DateTime",
        description: "When its next period begins.",
        resolve: ({ renewsAt }) => new Date(renewsAt),
      }),
    }),
  });
  builder.objectField("Viewer", "budgets", (t) =>
    t.field({
      type: [budget],
      description:
        "The budgets of yours and of your key; with the scope `operate`, those of everybody and of deployments too. A submit that does not fit is a BUDGET_EXCEEDED error; with `queue`, it waits.",
      complexity: 20,
      resolve: (_viewer, _arguments, { parts, viewer, reads }) =>
        parts.find(Money).readBudgets({ viewer, reads }),
    }),
  );
}

function addUsage(builder: Builder): void {
  const usageGroup = builder.enumType("UsageGroup", {
    description: "What to sum up by.",
    values: {
      DAY: { description: "The day on which jobs ended, in UTC." },
      OWNER: { description: "Whose jobs they are." },
      DEPLOYMENT: { description: "What they ran." },
    } satisfies Readonly<Record<(typeof USAGE_GROUPS)[number], object>>,
  });
  const usage = builder.objectRef<Usage>("Usage").implement({
    description: "What jobs came to that were sent to RunComfy and have ended.",
    fields: (t) => ({
      day: t.field({
        type: "DateTime",
        nullable: true,
        description: "The day on which they ended, at midnight, UTC; null unless grouped by DAY.",
        resolve: ({ day }) => (day === null ? null : new Date(day * DAY_MS)),
      }),
      ownerId: t.exposeID("ownerId", {
        nullable: true,
        description: "Whose they are; null unless grouped by OWNER.",
      }),
      deploymentId: t.exposeID("deploymentId", {
        nullable: true,
        description: "What they ran; null unless grouped by DEPLOYMENT.",
      }),
      jobs: t.exposeInt("jobs", { description: "How many have ended, in whatever way." }),
      seconds: t.float({
        description: "For how long they ran together.",
        resolve: ({ runMs }) => runMs / 1_000,
      }),
      exactUsd: t.float({
        description: "What RunComfy reported that they cost, in US dollars.",
        resolve: ({ exactMicros }) => toUsd(exactMicros),
      }),
      estimatedUsd: t.float({
        description:
          "What others probably cost, by the upper bounds of their estimates. Not part of `exactUsd`.",
        resolve: ({ estimatedMicros }) => toUsd(estimatedMicros),
      }),
      unknownJobs: t.exposeInt("unknownJobs", {
        description: "Of how many nobody knows what they cost, which is in neither sum.",
      }),
    }),
  });
  builder.queryField("usage", (t) =>
    t.field({
      type: [usage],
      description: `What your jobs have cost that ended from the day of \`from\` to the day of \`to\`, both in UTC and included; with the scope \`operate\`, everybody's. At most ${MAX_DAYS} days, and ${MAX_ROWS} rows in an operation. A deleted job counts on.`,
      complexity: 100,
      args: {
        from: t.arg({ type: "DateTime", required: true, description: "A time of the first day." }),
        to: t.arg({ type: "DateTime", required: true, description: "A time of the last day." }),
        groupBy: t.arg({
          type: [usageGroup],
          required: true,
          description: "What to sum up by; empty for one sum.",
        }),
      },
      resolve: (_root, given, { parts, viewer, reads }) =>
        parts.find(Money).readUsage({ viewer, reads }, given),
    }),
  );
}

function addBalance(builder: Builder): void {
  const balance = builder.objectRef<Balance>("Balance").implement({
    description: "What the RunComfy account has left.",
    fields: (t) => ({
      usd: t.exposeFloat("usd", { description: "In US dollars; it may be below 0." }),
      readAt: t.expose("readAt", { type: "DateTime", description: "When RunComfy said so." }),
    }),
  });
  builder.queryField("balance", (t) =>
    t.field({
      type: balance,
      nullable: true,
      description:
        "What the RunComfy account has left, asked for at most once a minute; null while RunComfy doesn't say. Needs the scope `operate`.",
      complexity: 20,
      resolve: (_root, _arguments, { parts, viewer }) => parts.find(Money).balance.read(viewer),
    }),
  );
}
