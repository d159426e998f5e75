import type { Generated } from "kysely";

import type { DeliveryState, WebhookEvent } from "./webhook.ts";

/** Of the part alone; times are as in the engine's. */
export type WebhookTables = {
  /** Those of owners, and a row for all one-job URLs of an owner that have one origin, which is its `url` then. */
  readonly webhooks: {
    readonly id: string;
    readonly owner_id: string;
    readonly url: string;
    /** JSON: a list of events; null is all. */
    readonly events: string | null;
    readonly deployment_id: string | null;
    readonly tag: string | null;
    /** Null for one-job URLs, whose calls the owner's own secret signs. */
    readonly secret: string | null;
    /** JSON: those before it that sign too, each until when. */
    readonly old_secrets: Generated<string>;
    readonly created_at: number;
    /** Until then a gateway calls it; once it has, when that was. */
    readonly claimed_until: Generated<number>;
    /** Its server asked to be left alone until then. */
    readonly rests_until: Generated<number>;
    readonly failing_since: number | null;
    readonly disabled_at: number | null;
    readonly disabled_reason: string | null;
  };
  /** Which URL a submit named for its job alone. */
  readonly job_webhooks: {
    readonly job_id: string;
    /** The one for its origin. */
    readonly webhook_id: string;
    readonly url: string;
  };
  /** What signs calls of one-job URLs. */
  readonly webhook_secrets: {
    readonly owner_id: string;
    readonly secret: string;
    readonly old_secrets: Generated<string>;
  };
  readonly webhook_deliveries: {
    /** In the order in which they came up. */
    readonly number: Generated<number>;
    readonly id: string;
    readonly webhook_id: string;
    readonly job_id: string | null;
    readonly event: WebhookEvent;
    /** Which webhook was disabled, where that is told. */
    readonly disabled_id: string | null;
    readonly created_at: number;
    /** When it is to be tried; null once it has ended. */
    readonly due_at: number | null;
    /** Null while it is to be tried. */
    readonly ended_at: number | null;
    /** How many of the tries count. */
    readonly attempts: Generated<number>;
    readonly state: Generated<DeliveryState>;
    /** JSON: the last tries. */
    readonly tries: Generated<string>;
    /** 1 where it is for a one-job URL. */
    readonly of_origin: Generated<number>;
  };
};
