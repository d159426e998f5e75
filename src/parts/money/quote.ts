import type { Viewer } from "../../auth/viewer.ts";
import { COMMANDS } from "../../config/commands.ts";
import { type Catalogue, type Deployment, toUnlisted } from "../../engine/deployments/catalogue.ts";
import { quantile } from "../../engine/job/duration.ts";
import type { JsonObject } from "../../engine/job/json.ts";
import { type Times, toWork } from "../../engine/job/run-times.ts";
import { findAdapter } from "../../engine/runcomfy/kinds/find-kind.ts";
import type { LiveDeployments } from "../../engine/runcomfy/live-deployments.ts";
import { digestSettings } from "./digest-settings.ts";
import { readMembers } from "./entry-members.ts";
import { toMicros } from "./micros.ts";
import { findHourlyPrice, type Plan, PRICES_AS_OF } from "./prices.ts";
import { countUnits } from "./units.ts";

/** What a run will probably cost, in whole microdollars: one amount, or bounds, or neither, which does not mean free. */
export type Quote = {
  readonly source: "ESTIMATED" | "UNKNOWN";
  readonly micros: number | null;
  readonly minMicros: number | null;
  readonly maxMicros: number | null;
  /** On what it is based; of an UNKNOWN one, why, and what would help. */
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly pricedAt: number;
  /** What a budget is to set aside for it, as far as runs have taught that; null where nothing tells. Never a list's price. */
  readonly reserveMicros: number | null;
  /** What a second of its instance costs; null for models, and where that is not known. May be a fraction. */
  readonly perSecondMicros: number | null;
  /** For how long an instance may run for it beside the run itself: its cold start, and until it stops. */
  readonly overheadSeconds: number;
  /** Names all settings that may decide the price of a model's run; null where none are known. */
  readonly settings: string | null;
};

export type Quotes = ReturnType<typeof createQuotes>;

type Quoted = Omit<Quote, "pricedAt">;

type Request = {
  readonly viewer: Pick<Viewer, "ownerId">;
  readonly deploymentId: string;
  readonly input: JsonObject;
};

/** RunComfy says 3 to 5 minutes. */
const COLD_START_SECONDS = 300;
/** Where RunComfy does not say how long it keeps an instance. */
const USUAL_KEEP_WARM_SECONDS = 60;

/**
 * Says what runs will probably cost: a model's what the owner's last runs with the same settings did, or else by the price
 * in its entry; a deployment's by the seconds that runs of it take. Rejects while the database does not answer.
 */
export function createQuotes({
  catalogue,
  live,
  readTimes,
  learned,
  upstream,
  plan,
  now,
}: {
  readonly catalogue: Pick<Catalogue, "find">;
  readonly live: Pick<LiveDeployments, "list" | "lastList">;
  readonly readTimes: (deploymentId: string) => Promise<Times>;
  /** What an owner's last runs with these settings all cost, in microdollars; null where they don't teach that. */
  readonly learned: (
    ownerId: string,
    deploymentId: string,
    settings: string,
  ) => Promise<number | null>;
  /** The upstream's name: what the sandbox has charged teaches nothing about RunComfy. */
  readonly upstream: string;
  readonly plan: Plan;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}) {
  async function quoteModel(deployment: Deployment, { viewer, input }: Request): Promise<Quoted> {
    const { id, input: contract } = deployment;
    const shape = contract?.shape ?? null;
    const settings = shape && digestSettings(input, shape, upstream);
    const micros = settings === null ? null : await learned(viewer.ownerId, id, settings);
    if (micros === null) return { ...byPrice(deployment, input), settings };
    const amount = { micros, reserveMicros: micros };
    return { ...NOTHING, source: "ESTIMATED", ...amount, reason: LEARNED, settings };
  }

  async function quoteDeployment(deployment: Deployment, { input }: Request): Promise<Quoted> {
    const { id } = deployment;
    // For the next quotes: this one waits for no call.
    void live.list();
    const { hardware = [], keepWarmSeconds } = live.lastList().get(id) ?? {};
    const own = readMembers(deployment).usdPerHour;
    const usdPerHour = own ?? findHourlyPrice(hardware, plan);
    if (usdPerHour === null) return toUnknown(hardware.length === 0 ? NO_HARDWARE : NOT_LISTED);
    const perSecondMicros = toMicros(usdPerHour) / 3_600;
    const keptSeconds = Math.max(0, keepWarmSeconds ?? USUAL_KEEP_WARM_SECONDS);
    const priced = { perSecondMicros, overheadSeconds: COLD_START_SECONDS + keptSeconds };
    const { run } = await readTimes(id);
    if (run.basedOn === 0) return { ...toUnknown(NO_RUNS), ...priced };
    const duration = run.of(toWork(input, deployment.input?.defaults));
    const seconds = quantile(duration, 0.99) + priced.overheadSeconds;
    const maxMicros = Math.round(seconds * perSecondMicros);
    const source = own === null ? `RunComfy's list of ${PRICES_AS_OF}` : "the deployments file";
    return {
      ...{ ...NOTHING, ...priced, source: "ESTIMATED" },
      minMicros: Math.round(quantile(duration, 0.5) * perSecondMicros),
      ...{ maxMicros, reserveMicros: maxMicros },
      reason: `Past runs at $${usdPerHour} an hour (${source}): from their median on a running instance to their 99th percentile with a cold start and the ${keptSeconds} s for which an idle instance is kept.`,
    };
  }

  return {
    async quote(request: Request): Promise<Quote> {
      const { deploymentId } = request;
      const pricedAt = now();
      const deployment = catalogue.find(deploymentId) ?? toUnlisted(deploymentId);
      const isModel = findAdapter(deployment.kind).service === "models";
      const quoted = await (isModel ? quoteModel : quoteDeployment)(deployment, request);
      return { ...quoted, pricedAt };
    },
  };
}

function byPrice({ price, isInvented, ...known }: Deployment, input: JsonObject): Quoted {
  if (price === null) return toUnknown(NO_PRICE);
  const { amount, unit, note } = price;
  const units = countUnits(unit, input, known.input?.defaults ?? {});
  if (typeof units === "string") return toUnknown(units);
  const times = units === 1 ? "" : `, times ${units}`;
  const whose = isInvented ? "The sandbox's" : "RunComfy's";
  const reason = `${whose} base price of $${amount} per ${unit}${times}; not a guaranteed minimum.`;
  return {
    ...{ ...NOTHING, source: "ESTIMATED", micros: toMicros(amount * units) },
    reason: note ? `${reason} ${note}` : reason,
  };
}

function toUnknown(reason: string): Quoted {
  return { ...NOTHING, source: "UNKNOWN", reason };
}

const NOTHING = {
  ...{ micros: null, minMicros: null, maxMicros: null, reserveMicros: null },
  ...{ perSecondMicros: null, overheadSeconds: 0, settings: null },
} satisfies Partial<Quote>;

const LEARNED = "What the owner's last three runs with these settings each cost.";
const NO_PRICE = `The deployments file has no price of this model. After three runs of yours with the same settings, what they cost is the estimate. The gateway's operator can get RunComfy's price with: ${COMMANDS.refresh} --write`;
const NO_HARDWARE =
  "RunComfy has not said on what hardware this runs. Try again in a minute; if that stays, ask the gateway's operator to set usdPerHour in the deployments file.";
const NOT_LISTED =
  "No price of the hardware that this runs on is known. Ask the gateway's operator to set usdPerHour in the deployments file.";
const NO_RUNS =
  "Nothing has run here yet, so nobody knows how long a run takes. After the first run there is an estimate.";
