import { type Generated, type RawBuilder, sql } from "kysely";

import type { Database, Trigger } from "../../engine/store/database.ts";
import type { Migration } from "../../engine/store/migrations.ts";
import type { DeliveryState } from "./webhook.ts";

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
    readonly event: string;
    /** Which webhook was disabled, where that is the event. */
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

export const MIGRATIONS: readonly Migration[] = [
  { version: 1, isBreaking: false, statements: createWebhookTables },
];

/** The tables of webhooks and their deliveries. Part of a migration, so never edited. */
function createWebhookTables({ kind, nameType: name }: Database): readonly RawBuilder<unknown>[] {
  return [
    sql`create table webhooks (
      id ${name} primary key, owner_id ${name} not null,
      url text not null, events text, deployment_id ${name}, tag ${name},
      secret text, old_secrets text not null default '[]',
      created_at bigint not null, claimed_until bigint not null default 0,
      rests_until bigint not null default 0,
      failing_since bigint, disabled_at bigint, disabled_reason text
    )`,
    sql`create index webhooks_by_owner on webhooks (owner_id, created_at, id)
      where secret is not null`,
    // Those that stand for the one-job URLs of an origin.
    sql`create unique index webhooks_by_origin on webhooks (owner_id, url) where secret is null`,
    sql`create index webhooks_of_jobs on webhooks (id) where secret is null`,
    sql`create table job_webhooks (
      job_id ${name} primary key references jobs (id) on delete cascade,
      webhook_id ${name} not null references webhooks (id) on delete cascade,
      url text not null
    )`,
    sql`create index job_webhooks_by_webhook on job_webhooks (webhook_id)`,
    sql`create table webhook_secrets (
      owner_id ${name} primary key,
      secret text not null, old_secrets text not null default '[]'
    )`,
    sql`create table webhook_deliveries (
      number ${kind === "postgres" ? sql`bigint generated always as identity` : sql`integer`} primary key,
      id ${name} not null unique,
      webhook_id ${name} not null references webhooks (id) on delete cascade,
      job_id ${name} references jobs (id) on delete cascade,
      event ${name} not null, disabled_id ${name},
      created_at bigint not null, due_at bigint, ended_at bigint,
      attempts integer not null default 0, state ${name} not null default 'PENDING',
      tries text not null default '[]',
      of_origin integer not null default 0
    )`,
    sql`create index webhook_deliveries_due on webhook_deliveries (webhook_id, due_at)
      where due_at is not null`,
    // For frequent queries: webhooks with anything to come, and what is due of origins, of which there may be any number.
    sql`create index webhook_deliveries_of_webhooks on webhook_deliveries (webhook_id)
      where due_at is not null and of_origin = 0`,
    sql`create index webhook_deliveries_of_origins on webhook_deliveries (due_at, number)
      where due_at is not null and of_origin = 1`,
    sql`create index webhook_deliveries_ended on webhook_deliveries (webhook_id, ended_at, number)
      where ended_at is not null`,
    sql`create index webhook_deliveries_by_webhook on webhook_deliveries (webhook_id, number)`,
    sql`create index webhook_deliveries_by_job on webhook_deliveries (job_id, number)`,
  ];
}

/** The statement that writes a job's end, or that of its last copy, also writes the deliveries. */
export function createTriggers({ nowMs }: Database): readonly Trigger[] {
  const isOfHold = sql`jobs.id = new.job_id`;
  const addHeld = addDeliveries(nowMs, sql`jobs`, sql`'JOB_HELD'`, isOfHold);
  return [
    {
      name: "jobs_add_delivery",
      after: sql`update of status on jobs`,
      when: sql`old.status is distinct from new.status and new.finished_at is not null`,
      act: addDeliveries(nowMs, sql`new`, sql`'JOB_' || new.status`),
    },
    // Copies of one job are settled one after the other, behind the lock of its row.
    {
      name: "kept_files_add_delivery",
      after: sql`update of state on kept_files`,
      when: sql`old.state = 'PENDING' and new.state <> 'PENDING'`,
      act: addDeliveries(
        nowMs,
        sql`jobs`,
        sql`'JOB_KEPT'`,
        sql`jobs.id = new.job_id and not exists (
          select 1 from kept_files where job_id = new.job_id and state = 'PENDING')`,
      ),
    },
    // Of a job that is submitted, or released by a credential that needs an approval.
    {
      name: "holds_add_delivery",
      after: sql`insert on holds`,
      when: sql`new.needs_approval = 1`,
      act: addHeld,
    },
    {
      name: "holds_add_late_delivery",
      after: sql`update of needs_approval on holds`,
      when: sql`old.needs_approval = 0 and new.needs_approval = 1`,
      act: addHeld,
    },
  ];
}

/** To those of the owner's webhooks that want it, and to the job's own. */
function addDeliveries(
  nowMs: RawBuilder<unknown>,
  job: RawBuilder<unknown>,
  event: RawBuilder<unknown>,
  among?: RawBuilder<unknown>,
): RawBuilder<unknown> {
  // The id names event and webhook, so that nothing is delivered twice.
  const add = (
    webhookId: RawBuilder<unknown>,
    table: "webhooks" | "job_webhooks",
    isNotified: RawBuilder<unknown>,
  ) => sql`
    insert into webhook_deliveries (id, webhook_id, job_id, event, created_at, due_at, of_origin)
      select 'msg_' || substr(${job}.id, 5) || '_' || substr(${webhookId}, 5) || '_' || lower(substr(${event}, 5)),
        ${webhookId}, ${job}.id, ${event}, ${nowMs}, ${nowMs}, ${sql.lit(table === "webhooks" ? 0 : 1)}
      from ${sql.table(table)}${among === undefined ? sql`` : sql`, jobs`}
      where ${isNotified} and ${among ?? sql`1 = 1`}
      on conflict (id) do nothing`;
  const ofOwner = sql`webhooks.owner_id = ${job}.owner_id and webhooks.secret is not null
    and webhooks.disabled_at is null
    and (webhooks.events is null or webhooks.events like '%"' || ${event} || '"%')
    and (webhooks.deployment_id is null or webhooks.deployment_id = ${job}.deployment_id)
    and (webhooks.tag is null or exists (
      select 1 from job_tags where job_id = ${job}.id and tag = webhooks.tag))`;
  return sql`
    ${add(sql`webhooks.id`, "webhooks", ofOwner)};
    ${add(sql`job_webhooks.webhook_id`, "job_webhooks", sql`job_webhooks.job_id = ${job}.id`)}`;
}
