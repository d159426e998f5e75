import type { Builder } from "../../api/schema/builder.ts";
import type { SchemaAddition } from "../../api/schema/create-schema.ts";
import { InvalidWebhookError, WebhookDisabledError, WebhookNotFoundError } from "./errors.ts";
import { addJobWebhooks } from "./job-schema.ts";
import type { CallFailure, Delivery, DeliveryState, Webhook, WebhookTry } from "./webhook.ts";
import { MAX_PAGE, WebhookService, type WebhookWithSecret } from "./webhook-service.ts";

const DEFAULT_SIZE = 20;

const STATES: Readonly<Record<DeliveryState, { readonly description: string }>> = {
  PENDING: { description: "It has not been tried yet, or will be retried." },
  DELIVERED: { description: "The server has answered with a status from 200 to 299." },
  FAILED: { description: "The gateway has given up. `redeliver` tries again." },
};

const FAILURES: Readonly<Record<CallFailure, { readonly description: string }>> = {
  NOT_ALLOWED: {
    description:
      "Its host resolves only to addresses that may not be called (such as private ones), or not over http or on that port. Use https on a public host, or ask the gateway's operator to allow its address (WEBHOOKS_ALLOW).",
  },
  NO_ADDRESS: { description: "Its host's name was not found. Check its spelling and its DNS." },
  NO_CONNECTION: {
    description:
      "Nothing accepts connections there. Check that the server is running, its port, and its firewall.",
  },
  TLS: {
    description:
      "Its TLS can't be trusted. Check that its certificate names the host, has not expired, and comes with its chain.",
  },
  TIMED_OUT: { description: "No answer came within 15 s. Answer first, then do the work." },
  CUT_OFF: {
    description:
      "The connection was closed before an answer came. Read the log of the server, or of the proxy in front of it.",
  },
};

/** Adds webhooks, their deliveries, what changes them, and what submits name for their jobs. */
export const addWebhooks: SchemaAddition = (builder, events) => {
  const event = addEvent(builder, events);
  const delivery = addDelivery(builder, event);
  const webhook = addWebhook(builder, { event, delivery });
  const saved = addResults(builder, webhook);
  const filter = builder.inputType("WebhookFilter", {
    description:
      "Which jobs a webhook is notified of. A condition that is null or missing is ignored.",
    fields: (t) => ({
      deploymentId: t.id({ description: "A deployment's `id`." }),
      tag: t.string({ description: "One of the job's `tags`, matched exactly." }),
    }),
  });

  builder.queryField("webhooks", (t) =>
    t.field({
      type: [webhook],
      description: "Your webhooks, oldest first; at most 20.",
      complexity: { field: 10, multiplier: 20 },
      resolve: (_root, _arguments, { parts, viewer }) => parts.find(WebhookService).list(viewer),
    }),
  );
  builder.queryField("webhook", (t) =>
    t.field({
      type: webhook,
      nullable: true,
      description: "Your webhook with this id; null when there is none.",
      complexity: 10,
      args: { id: t.arg.id({ required: true, description: "The webhook's `id`." }) },
      resolve: (_root, { id }, { parts, viewer }) => parts.find(WebhookService).read(viewer, id),
    }),
  );

  builder.mutationFields((t) => {
    const id = t.arg.id({ required: true, description: "The webhook's `id`." });
    const events = t.arg({
      type: [event],
      description: "The events to send. Null is all, including those that later versions add.",
    });
    const ofFilter = t.arg({
      type: filter,
      description: "Which of your jobs it is notified of; null for all.",
    });
    return {
      createWebhook: t.field({
        type: saved.created,
        description:
          "Registers a URL of yours to be called at each event from then on, signed as Standard Webhooks specifies. It outlives the credential that created it.",
        complexity: 10,
        args: {
          url: t.arg({
            type: "URL",
            required: true,
            description: "An https URL on a public host, on port 443 or 8443.",
          }),
          events,
          filter: ofFilter,
        },
        resolve: (_root, { url, events: named, filter: of }, { parts, viewer }) =>
          parts
            .find(WebhookService)
            .create(viewer, { url, events: named ?? null, ...toFilter(of) }),
      }),

      updateWebhook: t.field({
        type: webhook,
        description: "Changes the given values of a webhook, and leaves the rest.",
        complexity: 10,
        args: {
          id,
          url: t.arg({ type: "URL", description: "Its new URL." }),
          events,
          filter: ofFilter,
          isEnabled: t.arg.boolean({
            description:
              "Whether it is called. Enabling it sends the deliveries that were pending when it was disabled; events since then are not sent.",
          }),
        },
        errors: {
          types: [WebhookNotFoundError, InvalidWebhookError],
          union: {
            name: "UpdateWebhookResult",
            description: "The webhook, or why it was not changed.",
          },
          result: { name: "UpdateWebhookSuccess", description: "The webhook was changed." },
          dataField: { name: "webhook", description: "The webhook as it is now." },
        },
        resolve: (_root, { id: given, url, events: named, filter: of, isEnabled }, context) =>
          context.parts.find(WebhookService).update(context.viewer, given, {
            ...(typeof url === "string" && { url }),
            ...(named !== undefined && { events: named }),
            ...(of !== undefined && toFilter(of)),
            ...(typeof isEnabled === "boolean" && { isEnabled }),
          }),
      }),

      deleteWebhook: t.field({
        type: "ID",
        description: "Deletes a webhook and its deliveries, including pending ones.",
        complexity: 10,
        args: { id },
        errors: {
          types: [WebhookNotFoundError],
          union: {
            name: "DeleteWebhookResult",
            description: "What was deleted, or why nothing was.",
          },
          result: { name: "DeleteWebhookSuccess", description: "The webhook was deleted." },
          dataField: { name: "deletedWebhookId", description: "The `id` that it had." },
        },
        resolve: (_root, given, { parts, viewer }) =>
          parts.find(WebhookService).delete(viewer, given.id),
      }),

      rotateWebhookSecret: t.field({
        type: saved.rotated,
        description:
          "Gives a webhook a new secret. For 24 hours each call is signed with both, so that you can switch without losing a call.",
        complexity: 10,
        args: { id },
        resolve: (_root, given, { parts, viewer }) =>
          parts.find(WebhookService).rotateSecret(viewer, given.id),
      }),

      redeliver: t.field({
        type: delivery,
        description:
          "Sends a delivery again at once, with the same `webhook-id`; its earlier tries stay listed. Pending deliveries of the same job are sent with it, in their order.",
        complexity: 10,
        args: { deliveryId: t.arg.id({ required: true, description: "The delivery's `id`." }) },
        errors: {
          types: [WebhookNotFoundError, WebhookDisabledError],
          union: { name: "RedeliverResult", description: "The delivery, or why it is not sent." },
          result: { name: "RedeliverSuccess", description: "The delivery is due." },
          dataField: { name: "delivery", description: "The delivery as it is now." },
        },
        resolve: (_root, { deliveryId }, { parts, viewer }) =>
          parts.find(WebhookService).redeliver(viewer, deliveryId),
      }),
    };
  });
  addJobWebhooks(builder, delivery);
};

type GivenFilter =
  | { readonly deploymentId?: string | null | undefined; readonly tag?: string | null | undefined }
  | null
  | undefined;

function toFilter(filter: GivenFilter) {
  return { deploymentId: filter?.deploymentId ?? null, tag: filter?.tag ?? null };
}

type EventRef = ReturnType<typeof addEvent>;

function addEvent(builder: Builder, events: Parameters<SchemaAddition>[1]) {
  return builder.enumType("WebhookEvent", {
    description: "What a webhook is notified of.",
    values: Object.fromEntries(
      Object.entries(events).map(([name, description]) => [name, { description }]),
    ),
  });
}

type DeliveryRef = ReturnType<typeof addDelivery>;

function addDelivery(builder: Builder, event: EventRef) {
  const state = builder.enumType("DeliveryState", {
    description: "The state of a delivery.",
    values: STATES,
  });
  const failure = builder.enumType("WebhookFailure", {
    description: "Why a call of a webhook had no answer, and what to do.",
    values: FAILURES,
  });
  const attempt = builder.objectRef<WebhookTry>("WebhookTry").implement({
    description: "One call of a webhook.",
    fields: (t) => ({
      at: t.field({
        type: "DateTime",
        description: "When it began.",
        resolve: ({ at }) => new Date(at),
      }),
      status: t.exposeInt("status", {
        nullable: true,
        description: "The HTTP status of the answer; null where none came: `failure` says why.",
      }),
      failure: t.expose("failure", {
        type: failure,
        nullable: true,
        description: "Why no answer came; null where one came, whatever its status.",
      }),
      durationMs: t.exposeInt("durationMs", { description: "How long it took, in milliseconds." }),
    }),
  });
  return builder.objectRef<Delivery>("WebhookDelivery").implement({
    description: "An event on its way to a webhook.",
    fields: (t) => ({
      id: t.exposeID("id", {
        description: "The `webhook-id` of each of its calls.",
      }),
      event: t.expose("event", { type: event, description: "What it notifies of." }),
      jobId: t.exposeID("jobId", {
        nullable: true,
        description: "The `id` of the job that it is about; null for WEBHOOK_DISABLED.",
      }),
      state: t.expose("state", {
        type: state,
        description: "Whether it is still to be made, and how it ended otherwise.",
      }),
      createdAt: t.expose("createdAt", {
        type: "DateTime",
        description: "When its event happened.",
      }),
      nextTryAt: t.expose("dueAt", {
        type: "DateTime",
        nullable: true,
        description: "When the next try is due; null unless it is PENDING.",
      }),
      tries: t.expose("tries", {
        type: [attempt],
        description: "The last 20 calls, oldest first.",
      }),
    }),
  });
}

type WebhookRef = ReturnType<typeof addWebhook>;

function addWebhook(
  builder: Builder,
  { event, delivery }: { readonly event: EventRef; readonly delivery: DeliveryRef },
) {
  return builder.objectRef<Webhook>("Webhook").implement({
    description: "A URL that is called when something happens to your jobs.",
    fields: (t) => ({
      id: t.exposeID("id", { description: "Starts with `whk_`." }),
      url: t.expose("url", { type: "URL", description: "Where it is called." }),
      events: t.expose("events", {
        type: [event],
        nullable: true,
        description: "The events that it gets; null is all.",
      }),
      deploymentId: t.exposeID("deploymentId", {
        nullable: true,
        description: "The deployment whose jobs it is notified of; null for all.",
      }),
      tag: t.exposeString("tag", {
        nullable: true,
        description: "The tag of the jobs that it is notified of; null for all jobs.",
      }),
      createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was created." }),
      failingSince: t.expose("failingSince", {
        type: "DateTime",
        nullable: true,
        description:
          "Since when every call has failed; null if the last one succeeded. After five days it is disabled.",
      }),
      disabledAt: t.expose("disabledAt", {
        type: "DateTime",
        nullable: true,
        description: "When it was disabled; null while it is enabled.",
      }),
      disabledReason: t.exposeString("disabledReason", {
        nullable: true,
        description: "Why the gateway has disabled it, and what to do; null if it has not.",
      }),
      deliveries: t.field({
        type: [delivery],
        description:
          "Its deliveries, newest first: all that are PENDING, and the last 1,000 that have ended. A page of fewer than `first` is the last.",
        complexity: ({ first }) => ({
          field: 5,
          multiplier: Math.min(Math.max(first ?? DEFAULT_SIZE, 1), MAX_PAGE),
        }),
        args: {
          first: t.arg.int({
            defaultValue: DEFAULT_SIZE,
            description: `How many, 0 to ${MAX_PAGE}.`,
          }),
          after: t.arg.id({ description: "A delivery's `id`: only the older ones." }),
        },
        resolve: (webhook, { first, after }, { parts, viewer }) =>
          parts.find(WebhookService).listDeliveries(viewer, webhook, {
            first: first ?? DEFAULT_SIZE,
            after: after ?? null,
          }),
      }),
    }),
  });
}

function addResults(builder: Builder, webhook: WebhookRef) {
  builder.objectType(InvalidWebhookError, {
    name: "InvalidWebhookError",
    description: "An argument is wrong. Nothing was changed.",
    interfaces: ["Error"],
    fields: (t) => ({
      issues: t.expose("issues", {
        type: ["InputIssue"],
        description: "What is wrong with the arguments; `path` is the argument.",
      }),
    }),
  });
  builder.objectType(WebhookNotFoundError, {
    name: "WebhookNotFoundError",
    description: "You have no webhook, or no delivery, with this id. Nothing was changed.",
    interfaces: ["Error"],
  });
  builder.objectType(WebhookDisabledError, {
    name: "WebhookDisabledError",
    description: "The delivery's webhook is disabled. Nothing was changed.",
    interfaces: ["Error"],
  });
  const success = (
    name: "CreateWebhookSuccess" | "RotateWebhookSecretSuccess",
    description: string,
  ) =>
    builder.objectRef<WebhookWithSecret>(name).implement({
      description,
      fields: (t) => ({
        webhook: t.expose("webhook", { type: webhook, description: "The webhook as it is now." }),
        secret: t.exposeString("secret", {
          description:
            "The secret by which your server verifies calls; starts with `whsec_`. It is shown only once.",
        }),
      }),
    });
  const created = success("CreateWebhookSuccess", "The webhook is called from now on.");
  const rotated = success("RotateWebhookSecretSuccess", "The webhook has a new secret.");
  return {
    created: builder.errorUnion("CreateWebhookResult", {
      description: "The webhook and its secret, or why there is none.",
      types: [created, InvalidWebhookError],
      resolveType: () => created,
    }),
    rotated: builder.errorUnion("RotateWebhookSecretResult", {
      description: "The webhook and its secret, or why it has no new one.",
      types: [rotated, WebhookNotFoundError],
      resolveType: () => rotated,
    }),
  };
}
