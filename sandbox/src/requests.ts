import { randomInt, randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";

import { type Answer, json, parse, readBody, refusal } from "./answer.ts";
import type { BodyProblem } from "./body-check.ts";
import type { Shapes } from "./output-shapes.ts";
import { makeFile } from "./media/make-file.ts";
import { toCancelled, toFiles, toResult, toStatus, toSubmitted } from "./request-answers.ts";
import type { RequestStore } from "./request-store.ts";
import { FAILURE_WORD } from "./schedule.ts";
import type { Target } from "./target.ts";
import type { Targets } from "./targets.ts";
import { type createWebhooks, isWebhookUrl } from "./webhooks.ts";

/** Answers what is asked of requests and their files, whatever they were sent to. */
export function createRequests(options: {
  readonly origin: string;
  readonly targets: Targets;
  readonly store: RequestStore;
  readonly webhooks: Pick<ReturnType<typeof createWebhooks>, "follow" | "check">;
  /** How long after a request's end its files are there. */
  readonly filesExpireMs: number;
  readonly speed: number;
  readonly now: () => number;
}) {
  const { origin, targets, store, webhooks, filesExpireMs, speed, now } = options;

  return {
    /** `folder` is the URL below which its calls will be. */
    async submit(
      request: IncomingMessage,
      target: Target,
      { folder, webhook, isFailing, shapes }: Submit,
    ): Promise<Answer> {
      const body = await readBody(request);
      if (body === null) return refusal(413_001, TOO_LARGE, { connection: "close" });
      const value = parse(body);
      if (value === undefined) return json(422, { detail: [NOT_JSON] });
      const checked = target.check(value);
      if (!checked.isValid) return refuseBody(target, checked.problems, shapes);
      if (webhook !== null && !isWebhookUrl(webhook)) return json(422, { detail: [NO_URL] });
      const { seed, prompt } = checked.input;
      const input = {
        ...checked.input,
        seed: seed === -1 ? randomInt(MAX_SEED) : seed,
        prompt: isFailing ? `${prompt} ${FAILURE_WORD}` : prompt,
      };
      const id = randomUUID();
      const isAccepted = store.accept({ id, target, input, now: now() });
      if (!isAccepted) return refusal(429_001, QUEUE_FULL, { "retry-after": "10" });
      if (webhook !== null) webhooks.follow({ id, target, url: webhook });
      return toSubmitted({ id, base: `${folder}/${id}`, shapes });
    },

    /** `target` is what the path names; a model's paths name none. `base` is the URL of the request. */
    ask(call: "status" | "result" | "cancel", { id, base, target, shapes, hasCost }: Ask): Answer {
      const stored = store.read(id, now());
      const sentTo = target ?? targets.models.get(stored?.targetId ?? "");
      if (stored === null || sentTo === undefined || stored.targetId !== sentTo.id)
        return refusal(404_001, UNKNOWN_REQUEST);
      const context = { id, base, target: sentTo, stored, shapes };
      if (call === "status") return toStatus(context);
      const isLate = shapes.has("late-cost") && now() < stored.finishAt + LATE_COST_MS / speed;
      if (call === "result")
        return toResult(context, { folder: `${origin}/files/${id}`, hasCost: hasCost && !isLate });
      const isCancelled = store.cancel(id, now(), shapes.has("cancel-running"));
      if (isCancelled) webhooks.check(id);
      return toCancelled(context, isCancelled);
    },

    readFile(id: string, name: string): Answer {
      const stored = store.read(id, now());
      const targetId = stored?.targetId ?? "";
      const target = targets.deployments.get(targetId) ?? targets.models.get(targetId);
      const isThere = stored && target && toFiles(target, stored).includes(name);
      if (!isThere || now() >= stored.finishAt + filesExpireMs)
        return refusal(404_001, UNKNOWN_FILE, FOR_ANY_PAGE);
      const { contentType, body } = makeFile(name, stored.input, target.isVideo);
      const caching = { "cache-control": "public, max-age=60" };
      const headers = { ...FOR_ANY_PAGE, ...caching, "content-type": contentType };
      return { status: 200, headers, body };
    },
  };
}

type Submit = {
  readonly folder: string;
  /** The URL to call when the request has ended; null for none. */
  readonly webhook: string | null;
  readonly isFailing: boolean;
  readonly shapes: Shapes;
};

type Ask = {
  readonly id: string;
  readonly base: string;
  readonly target: Target | undefined;
  readonly shapes: Shapes;
  readonly hasCost: boolean;
};

function refuseBody({ kind }: Target, problems: readonly BodyProblem[], shapes: Shapes): Answer {
  if (shapes.has("refused-400")) return json(400, { message: problems[0]?.msg });
  const coded = { error_code: 422_001, error_message: "validation failed" };
  return json(422, { ...(kind === "comfyui" && coded), detail: problems });
}

/** How long after the end a cost comes that was asked to be late; at speed 1. */
const LATE_COST_MS = 30_000;
const FOR_ANY_PAGE = { "access-control-allow-origin": "*" };
const MAX_SEED = 2 ** 31;
const NOT_JSON = { loc: ["body"], msg: "JSON decode error", type: "json_invalid" };
const NO_URL = { loc: ["query", "webhook"], msg: "Input should be a URL", type: "url_parsing" };
const TOO_LARGE = "The body is larger than 1 MiB. Pass files as https URLs.";
const QUEUE_FULL = "Too many requests wait for this deployment. Submit again later.";
const UNKNOWN_REQUEST = "This deployment has no such request. Requests are kept for 7 days.";
const UNKNOWN_FILE =
  "There is no such file. Files are deleted some time after a request succeeded, by default after 7 days.";
