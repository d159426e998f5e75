import type DataLoader from "dataloader";

import { requireScopes } from "../../auth/viewer.ts";
import type { SubmitOption } from "../../engine/engine.ts";
import { InvalidInputError } from "../../engine/job/errors.ts";
import { tagProblem } from "../../engine/job/input.ts";
import { isIdentifier } from "../../engine/job/job.ts";
import { isDeploymentId } from "../../engine/runcomfy/kinds/find-kind.ts";
import { badUserInput } from "../../runtime/coded-error.ts";
import { InvalidWebhookError, WebhookNotFoundError } from "./errors.ts";
import { insertJobWebhook } from "./job-webhooks.ts";
import type { Targets } from "./target.ts";
import type { Delivery, JobWebhook, Webhook, WebhookSettings } from "./webhook.ts";
import { createSecret, createWebhookId } from "./webhook.ts";
import type { WebhookStore } from "./webhook-store.ts";

/** What a credential needs to have a server told of jobs. */
export const WEBHOOK_SCOPES = ["webhooks", "jobs:read"] as const;

const MAX_PAGE = 100;

/** A webhook with the secret that is shown this once. */
export type WebhookWithSecret = { readonly webhook: Webhook; readonly secret: string };

export type WebhookService = ReturnType<typeof createWebhookService>;

/** What owners do with their webhooks. `wake` is called once something may be due. */
export function createWebhookService({
  webhooks,
  targets,
  wake,
}: {
  readonly webhooks: WebhookStore["webhooks"];
  readonly targets: Pick<Targets, "findProblem">;
  readonly wake: () => void;
}) {
  /** Throws an `InvalidWebhookError` that names all that is wrong. */
  function check({ url, events, deploymentId, tag }: Partial<WebhookSettings>): void {
    const problems: readonly (readonly [string, string | null | undefined])[] = [
      ["url", url === undefined ? null : targets.findProblem(url)],
      ["events", events?.length === 0 ? "must name one event at least; null is all" : null],
      [
        "filter.deploymentId",
        typeof deploymentId === "string" && !isDeploymentId(deploymentId)
          ? "can't be a deployment's id; take one from your deployments"
          : null,
      ],
      ["filter.tag", typeof tag === "string" ? tagProblem(tag) : null],
    ];
    const issues = problems.flatMap(([path, message]) =>
      typeof message === "string" ? [{ path: path.split("."), message }] : [],
    );
    if (issues.length > 0) throw new InvalidWebhookError(issues);
  }

  /** What is there; throws a `WebhookNotFoundError` where nothing is. */
  async function find<Found>(
    id: string,
    act: () => Promise<Found | null>,
    what: "webhook" | "delivery" = "webhook",
  ): Promise<Found> {
    const found = isIdentifier(id) ? await act() : null;
    if (found === null) throw new WebhookNotFoundError(what, id);
    return found;
  }

  const ofJobs = {
    read: webhooks.readOfJobs,
    loaders: new WeakMap<object, DataLoader<string, JobWebhook | null>>(),
  };

  return {
    list: webhooks.list,

    /** Null where there is none. An owner's are few. */
    async read(ownerId: string, id: string): Promise<Webhook | null> {
      return (await webhooks.list(ownerId)).find((webhook) => webhook.id === id) ?? null;
    },

    async create(ownerId: string, settings: WebhookSettings): Promise<WebhookWithSecret> {
      check(settings);
      const secret = createSecret();
      const id = createWebhookId();
      return { webhook: await webhooks.create({ id, ownerId, secret, ...settings }), secret };
    },

    async update(
      ownerId: string,
      id: string,
      settings: Parameters<typeof webhooks.update>[2],
    ): Promise<Webhook> {
      check(settings);
      const updated = await find(id, () => webhooks.update(id, ownerId, settings));
      wake();
      return updated;
    },

    /** Resolves with the id. */
    async delete(ownerId: string, id: string): Promise<string> {
      await find(id, async () => ((await webhooks.delete(id, ownerId)) ? id : null));
      return id;
    },

    async rotateSecret(ownerId: string, id: string): Promise<WebhookWithSecret> {
      const secret = createSecret();
      return { webhook: await find(id, () => webhooks.rotate(id, ownerId, secret)), secret };
    },

    /** Those of jobs that are the viewer's; null for others, whoever may read them. */
    ofJobs,

    readOwnSecret: webhooks.readOwnSecret,
    rotateOwnSecret: (ownerId: string) => webhooks.rotateOwn(ownerId, createSecret()),

    /** The argument `webhookUrl` of submits. */
    jobUrl: {
      check(viewer, url) {
        requireScopes(viewer, ...WEBHOOK_SCOPES);
        const message = targets.findProblem(url);
        if (message !== null) throw new InvalidInputError([{ path: ["webhookUrl"], message }]);
      },
      write: insertJobWebhook,
    } satisfies SubmitOption,

    async redeliver(ownerId: string, id: string): Promise<Delivery> {
      const delivery = await find(id, () => webhooks.redeliver(id, ownerId), "delivery");
      wake();
      return delivery;
    },

    /** Throws BAD_USER_INPUT for a page that can't be. */
    async listDeliveries(
      { id }: Webhook,
      { first, after }: { readonly first: number; readonly after: string | null },
    ): Promise<readonly Delivery[]> {
      if (first < 0 || first > MAX_PAGE)
        throw badUserInput(
          `\`first\` must be from 0 to ${MAX_PAGE}, not ${first}. Ask for smaller pages.`,
        );
      if (after !== null && !isIdentifier(after))
        throw badUserInput("`after` is no delivery's `id`. Take one from `deliveries`.");
      return first === 0 ? [] : await webhooks.listDeliveries(id, { limit: first, after });
    },
  };
}
