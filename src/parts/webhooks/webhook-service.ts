import type DataLoader from "dataloader";

import { requireScopes, type Viewer } from "../../auth/viewer.ts";
import { type Channels, publishRefusal } from "../../engine/diagnostics/channels.ts";
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

export const MAX_PAGE = 100;

/** A webhook with the secret that is shown this once. */
export type WebhookWithSecret = { readonly webhook: Webhook; readonly secret: string };

type Dependencies = {
  readonly webhooks: WebhookStore["webhooks"];
  readonly targets: Pick<Targets, "findProblem">;
  readonly channels: Pick<Channels, "refused">;
  /** Called once something may be due. */
  readonly wake: () => void;
};

/** What owners do with their webhooks. Each method throws FORBIDDEN where the viewer's credential lacks a scope. */
export class WebhookService {
  readonly #given: Dependencies;
  readonly #ofJobs;

  constructor(dependencies: Dependencies) {
    this.#given = dependencies;
    this.#ofJobs = {
      read: dependencies.webhooks.readOfJobs,
      loaders: new WeakMap<object, DataLoader<string, JobWebhook | null>>(),
    };
  }

  list(viewer: Viewer): Promise<readonly Webhook[]> {
    return this.#admit(viewer).list(viewer.ownerId);
  }

  /** Null if there is none. An owner's are few. */
  async read(viewer: Viewer, id: string): Promise<Webhook | null> {
    return (await this.list(viewer)).find((webhook) => webhook.id === id) ?? null;
  }

  async create(viewer: Viewer, settings: WebhookSettings): Promise<WebhookWithSecret> {
    const webhooks = this.#admit(viewer);
    this.#check(settings);
    const { ownerId } = viewer;
    const secret = createSecret();
    const creating = webhooks.create({ id: createWebhookId(), ownerId, secret, ...settings });
    return { webhook: await publishRefusal(this.#given.channels, creating), secret };
  }

  async update(
    viewer: Viewer,
    id: string,
    settings: Parameters<WebhookStore["webhooks"]["update"]>[2],
  ): Promise<Webhook> {
    const webhooks = this.#admit(viewer);
    this.#check(settings);
    const updated = await find(id, () => webhooks.update(id, viewer.ownerId, settings));
    this.#given.wake();
    return updated;
  }

  /** Resolves with the id. */
  async delete(viewer: Viewer, id: string): Promise<string> {
    const webhooks = this.#admit(viewer);
    return await find(id, async () => ((await webhooks.delete(id, viewer.ownerId)) ? id : null));
  }

  async rotateSecret(viewer: Viewer, id: string): Promise<WebhookWithSecret> {
    const webhooks = this.#admit(viewer);
    const secret = createSecret();
    return { webhook: await find(id, () => webhooks.rotate(id, viewer.ownerId, secret)), secret };
  }

  readOwnSecret(viewer: Viewer): Promise<string> {
    return this.#admit(viewer).readOwnSecret(viewer.ownerId);
  }

  rotateOwnSecret(viewer: Viewer): Promise<void> {
    return this.#admit(viewer).rotateOwn(viewer.ownerId, createSecret());
  }

  async redeliver(viewer: Viewer, id: string): Promise<Delivery> {
    const webhooks = this.#admit(viewer);
    const delivery = await find(id, () => webhooks.redeliver(id, viewer.ownerId), "delivery");
    this.#given.wake();
    return delivery;
  }

  /** Throws BAD_USER_INPUT for a page that can't be. */
  async listDeliveries(
    viewer: Viewer,
    { id }: Webhook,
    { first, after }: { readonly first: number; readonly after: string | null },
  ): Promise<readonly Delivery[]> {
    const webhooks = this.#admit(viewer);
    if (first < 0 || first > MAX_PAGE)
      throw badUserInput(
        `\`first\` must be from 0 to ${MAX_PAGE}, not ${first}. Ask for smaller pages.`,
      );
    if (after !== null && !isIdentifier(after))
      throw badUserInput("`after` is no delivery's `id`. Take one from `deliveries`.");
    return first === 0 ? [] : await webhooks.listDeliveries(id, { limit: first, after });
  }

  /** How an operation reads its jobs' one-job URLs; null for others' jobs, even if the viewer may read them. */
  ofJobs(viewer: Viewer) {
    this.#admit(viewer);
    return this.#ofJobs;
  }

  /** The argument `webhookUrl` of submits. */
  readonly jobUrl: SubmitOption = {
    check: (viewer, url) => {
      this.#admit(viewer);
      const message = this.#given.targets.findProblem(url);
      if (message !== null) throw new InvalidInputError([{ path: ["webhookUrl"], message }]);
    },
    write: insertJobWebhook,
  };

  /** Webhooks report jobs, so a viewer who may not read these has none. */
  #admit(viewer: Viewer): WebhookStore["webhooks"] {
    requireScopes(viewer, "webhooks", "jobs:read");
    return this.#given.webhooks;
  }

  /** Throws an `InvalidWebhookError` that names all that is wrong. */
  #check({ url, events, deploymentId, tag }: Partial<WebhookSettings>): void {
    const { targets } = this.#given;
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
