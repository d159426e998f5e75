import type { IncomingMessage } from "node:http";
import { z } from "zod";
import { type Answer, json, parse, readBody, refusal } from "./answer.ts";
import { createLists } from "./lists.ts";
import type { Faults } from "./faults.ts";
import type { Shapes } from "./output-shapes.ts";
import type { RequestStore } from "./request-store.ts";
import { createRequests } from "./requests.ts";
import { findRoute } from "./routes.ts";
import { loadTargets } from "./targets.ts";
import type { createWebhooks } from "./webhooks.ts";

/** Answers every request to the sandbox. Rejects when the client leaves half-way and when the store fails. */
export function createEndpoints(options: {
  /** The sandbox's own, e.g. `http://127.0.0.1:4001`. */
  readonly origin: string;
  readonly token: string;
  readonly store: RequestStore;
  readonly webhooks: Pick<ReturnType<typeof createWebhooks>, "follow" | "check">;
  readonly faults: Faults;
  /** Undefined for the sandbox's own. */
  readonly deployments: readonly unknown[] | undefined;
  /** How long after a request's end its files are there. */
  readonly filesExpireMs: number;
  readonly speed: number;
  readonly now: () => number;
}): (request: IncomingMessage) => Promise<Answer> {
  const { origin, token, faults } = options;
  const targets = loadTargets(options.deployments);
  const requests = createRequests({ ...options, targets });
  const lists = createLists(targets, origin);

  async function setFaults(request: IncomingMessage): Promise<Answer> {
    const body = await readBody(request);
    const { data: texts } = TEXTS.safeParse(body && parse(body));
    try {
      if (texts === undefined) throw new Error(NO_FAULTS);
      faults.set(texts);
      return json(200, texts);
    } catch (error) {
      return refusal(422_001, error instanceof Error ? error.message : String(error));
    }
  }

  return async (request) => {
    const url = URL.parse(request.url ?? "/", origin);
    const route = url && findRoute(url.pathname, request.method ?? "");
    if (!url || !route) return refusal(404_001, UNKNOWN_PATH);
    if (route.kind === null)
      return refusal(405_001, `Use ${route.allow} here.`, { allow: route.allow });
    const { kind, api, call, groups } = route;
    const { targetId = "", id = "", name = "", base = "" } = groups;
    if (kind === "file") return requests.readFile(id, name);
    const [, given] = /^bearer (.+)$/i.exec(request.headers.authorization ?? "") ?? [];
    if (given !== token) return refusal(api === "models" ? 400_004 : 401_001, UNAUTHORIZED);
    if (kind === "faults" || call === null) return await setFaults(request);

    const { answer, delivery, isFailing, shapes } = faults.take(call, api);
    const isModel = api === "models";
    const act = async (): Promise<Answer> => {
      const target = isModel ? targets.models.get(targetId) : targets.deployments.get(targetId);
      const isUnknown = groups["targetId"] !== undefined && target === undefined;
      if (isUnknown) return isModel ? refusal(400_001, NO_MODEL) : refusal(404_001, NO_DEPLOYMENT);
      const { searchParams } = url;
      switch (kind) {
        case "deployments":
          return lists.deployments(searchParams, shapes);
        case "deployment":
          return lists.deployment(targetId, searchParams);
        case "object-info":
          return lists.objectInfo(targetId);
        case "balance":
          return json(200, toBalance(readBalance(shapes)));
        case "models":
          return lists.models(searchParams);
        case "categories":
          return lists.categories();
        case "model":
          return lists.model(targetId);
        case "submit": {
          if (target === undefined) return refusal(404_001, NO_DEPLOYMENT);
          if (readBalance(shapes) <= 0)
            return refusal(isModel ? 400_002 : 10_001, NO_FUNDS, {}, 402);
          const above = isModel ? "/v1" : url.pathname.replace(/\/inference$/, "");
          const folder = `${origin}${above}/requests`;
          const webhook = isModel ? null : searchParams.get("webhook");
          return await requests.submit(request, target, { folder, webhook, isFailing, shapes });
        }
        case "status":
        case "result":
        case "cancel": {
          const hasCost = searchParams.get("include_cost") === "true";
          return requests.ask(kind, { id, base: origin + base, target, shapes, hasCost });
        }
      }
    };
    return { ...(answer ?? (await act())), delivery };
  };
}

/** In USD. */
function readBalance(shapes: Shapes): number {
  if (shapes.has("balance-zero")) return 0;
  return shapes.has("balance-negative") ? -0.5 : 25;
}

function toBalance(usd: number) {
  return { balance_usd: usd, balance_microdollars: usd * 1_000_000, currency: "USD" };
}

const TEXTS = z.array(z.string());
const NO_FAULTS =
  'Send a JSON list of faults, such as ["lost-answer:submit*1"], or [] to end them.';
const UNKNOWN_PATH =
  "This sandbox of RunComfy's APIs has nothing at this path. Compare it with their documentation.";
const NO_DEPLOYMENT = "There is no such deployment. Take an id from GET /prod/v2/deployments.";
const NO_FUNDS = "The balance is spent. End the sandbox's switch for it, then submit again.";
const NO_MODEL = "There is no such model. Take an id from GET /v1/models.";
const UNAUTHORIZED =
  "The API token is missing or wrong. Send it as `Authorization: Bearer <token>`.";
