import type { GraphQLSchema } from "graphql";
import {
  getNamedType,
  isAbstractType,
  isInterfaceType,
  isObjectType,
  parse,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from "graphql";
import { expect, onTestFinished, test, vi } from "vitest";

import type { Scope, Viewer } from "../../src/auth/viewer.ts";
import { clock } from "../../src/runtime/environment.ts";
import { createSchema } from "../../src/api/schema/create-schema.ts";
import { ALL_SCOPES, SCHEMA_PARTS } from "../support/parts.ts";
import { catalogueOf } from "../support/catalogue-of.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { createViewer } from "../support/viewers.ts";
import { HOLD } from "../store/store-jobs.ts";
import { connectTracking } from "../tracking/connect-submitter.ts";
import { openInProcessGateway } from "./in-process-gateway.ts";
import {
  FOREIGN_ID,
  FOREIGN_KEY,
  FOREIGN_UPLOAD,
  OWNERS_ALONE,
  SHARED_TAG,
} from "./foreign-job.ts";
import { HELD_CASES, ISOLATION_CASES, writeOfParts } from "./isolation-cases.ts";

const scopes = new Set(ALL_SCOPES.filter((scope) => scope !== "jobs:read:all"));
const OWNER = createViewer({ ownerId: "theirs", scopes });
const STRANGER = createViewer({ ownerId: "mine", scopes });
const OPERATOR = createViewer({ ownerId: "operator" });

/** What only the owner of the foreign job may ever read. */
const SECRETS = [
  "theirs",
  "request-of-them",
  "prompt-of-them",
  "output-of-them",
  "tag-of-them",
  OWNERS_ALONE,
];

const CATALOGUE = catalogueOf({
  id: "wg",
  name: "Warm Glow",
  inputSchema: { type: "object", properties: { prompt: { type: "string" } } },
  outputSchema: { type: "object", properties: { text: { type: "string" } } },
});
const SCHEMA = createSchema(CATALOGUE, SCHEMA_PARTS);

type World = Awaited<ReturnType<typeof openWorld>>;

/** A whole gateway but for its server, in which the stranger has a job and the owner none yet. */
async function openWorld() {
  // What a read takes decides which slice the owner's next one falls into, and so the statements' order.
  vi.spyOn(clock, "monotonic").mockReturnValue(0);
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  const gateway = await openInProcessGateway({
    catalogue: CATALOGUE,
    tracking(store) {
      const settings = { catalogue: CATALOGUE, submitTimeoutSeconds: 5 };
      const tracking = connectTracking({ upstream, store, ...settings });
      onTestFinished(() => tracking.close());
      return tracking;
    },
  });
  const { store, statements } = gateway;
  const after = await store.feed.readHead();
  const submitted = await gateway.addJob({
    ownerId: STRANGER.ownerId,
    deploymentId: "wg",
    createdAt: new Date(Date.UTC(2025, 0, 1)),
    tags: [SHARED_TAG],
    input: { prompt: "mine" },
  });
  const own = await gateway.observe(submitted, { kind: "accepted", requestId: "mine" });

  /** The answer, or of a subscription the first one, as a client gets its bytes. */
  async function ask(viewer: Viewer, text: string): Promise<string> {
    if (!text.startsWith("subscription"))
      return JSON.stringify(await gateway.answer(text, { after }, viewer));
    const stream = await gateway.subscribe(text, { after }, viewer);
    if (!("next" in stream)) return JSON.stringify(stream);
    const first = await stream.next();
    await stream.return();
    return JSON.stringify(first);
  }

  return {
    store,
    ask,

    /** The same, and the statements that it takes. */
    async watch(viewer: Viewer, text: string) {
      statements.length = 0;
      return { answer: await ask(viewer, text), statements: [...statements] };
    },

    /** The owner's job, which waits for an approval. */
    async addHeldJob(): Promise<void> {
      const { ownerId } = OWNER;
      await gateway.addUpload({ id: FOREIGN_UPLOAD, ownerId, file: `${OWNERS_ALONE}.png` });
      await gateway.addJob({
        ...{ id: FOREIGN_ID, ownerId, deploymentId: "wg", uploads: [FOREIGN_UPLOAD] },
        ...{ tags: ["tag-of-them"], input: { prompt: "prompt-of-them" } },
        hold: { ...HOLD, needsApproval: true },
      });
    },

    /** The owner's job, in its last state, and one more change of the stranger's behind it. */
    async addForeignJob(): Promise<void> {
      const { ownerId } = OWNER;
      await gateway.addUpload({ id: FOREIGN_UPLOAD, ownerId, file: `${OWNERS_ALONE}.png` });
      const job = await gateway.addJob({
        id: FOREIGN_ID,
        ownerId: OWNER.ownerId,
        deploymentId: "wg",
        createdAt: new Date(Date.UTC(2026, 0, 1)),
        tags: [SHARED_TAG, "tag-of-them"],
        input: { prompt: "prompt-of-them" },
        key: FOREIGN_KEY,
        alsoWrite: writeOfParts,
        uploads: [FOREIGN_UPLOAD],
      });
      const accepted = await gateway.observe(job, {
        kind: "accepted",
        requestId: "request-of-them",
      });
      const output = { text: "output-of-them" };
      const ended = await gateway.observe(accepted, {
        kind: "succeeded",
        output,
        finishedAt: null,
      });
      await store.jobs.label(ended, { ...ended, isStarred: true });
      await gateway.observe(own, { kind: "queued", queuePosition: 3 });
    },
  };
}

/** Whether the same operation, asked twice, makes the same statements: not a submit or a stream that reads on. */
function isRepeatable(text: string): boolean {
  return !/submit|jobsUpdated/.test(text);
}

test("every field through which a job can be reached has a case", () => {
  const reaching = findReaching(SCHEMA);
  // Or the walk would be wrong.
  expect(reaching).toEqual(
    expect.arrayContaining(["Query.node", "Deployment.jobs", "JobEdge.node", "JobChange.job"]),
  );
  expect(reaching.filter((field) => !findSelected().has(field))).toEqual([]);
});

/** Those that change nothing share a world. */
const isChange = ([, text]: (typeof ISOLATION_CASES)[number]) => /submit|rerun|delete/i.test(text);
const GROUPS = [
  ISOLATION_CASES.filter((one) => !isChange(one)),
  ...ISOLATION_CASES.filter(isChange).map((one) => [one]),
].map((cases) => ({ title: cases.map(([title]) => title).join(", "), cases }));

test.each(GROUPS)(
  "to another owner a job is as if it did not exist, and an operator reads it and changes nothing: $title",
  async ({ cases }) => {
    const world = await openWorld();
    const before = new Map<string, Awaited<ReturnType<World["watch"]>>>();
    for (const [title, text] of cases) before.set(title, await world.watch(STRANGER, text));
    const changes = cases.filter(([, text]) => text.startsWith("mutation"));
    const refused = new Map<string, string>();
    for (const [title, text] of changes) refused.set(title, await world.ask(OPERATOR, text));
    await world.addForeignJob();

    for (const [title, text] of cases) {
      const { answer, statements } = await world.watch(STRANGER, text);
      expect(answer, title).toBe(before.get(title)?.answer);
      for (const secret of SECRETS) expect(answer, title).not.toContain(secret);
      if (isRepeatable(text)) expect(statements, title).toEqual(before.get(title)?.statements);
    }
    for (const [title, text] of cases) {
      const answer = await world.ask(OPERATOR, text);
      if (/^(approve|refuse)Jobs/.test(title)) expect(answer, title).toContain(FOREIGN_ID);
      else if (text.startsWith("mutation")) expect(answer, title).toBe(refused.get(title));
      else expect(answer, title).not.toContain("FORBIDDEN");
      // Such as the files that went in.
      expect(answer, title).not.toContain(OWNERS_ALONE);
      if (/^(query|subscription \{)/.test(text)) expect(answer, title).toContain(FOREIGN_ID);
    }
    expect(await world.store.jobs.read(FOREIGN_ID)).toMatchObject({ status: "SUCCEEDED" });

    // The owner gets to see it: the case is about something.
    for (const [title, text] of cases) {
      const reported = await world.ask(OWNER, text);
      expect(reported, title).toContain(FOREIGN_ID);
      expect(reported, title).not.toBe(before.get(title)?.answer);
    }
  },
);

test("to another owner a HELD job is as if it did not exist, even if that one approves jobs", async () => {
  const world = await openWorld();
  const before = await Promise.all(HELD_CASES.map(([, text]) => world.ask(STRANGER, text)));
  await world.addHeldJob();
  for (const [index, [title, text]] of HELD_CASES.entries()) {
    expect(await world.ask(STRANGER, text), title).toBe(before[index]);
    expect(await world.ask(OWNER, text), title).toContain(FOREIGN_ID);
  }
});

test("whoever reads everybody's jobs and may approve them sees the files of those that wait for that", async () => {
  const world = await openWorld();
  await world.addHeldJob();
  const [title, text] = HELD_CASES.at(-1) ?? ["", ""];
  const toReader = (...without: readonly Scope[]) =>
    createViewer({
      ...{ ownerId: "operator", credential: { id: "of the operator" } },
      scopes: new Set(ALL_SCOPES.filter((scope) => !without.includes(scope))),
    });
  const reader = await world.ask(toReader("jobs:approve"), text);
  expect(reader, title).toContain(FOREIGN_ID);
  expect(reader, title).not.toContain(OWNERS_ALONE);

  const approver = toReader();
  const read = async () => JSON.parse(await world.ask(approver, text)).data;
  const upload = { id: FOREIGN_UPLOAD, fileName: `${OWNERS_ALONE}.png` };
  expect(await read()).toMatchObject({ job: { uploads: [upload] }, upload });
  await world.ask(approver, `mutation { approveJobs(ids: ["${FOREIGN_ID}"]) { __typename } }`);
  const approved = { job: { hold: { reason: "TURN" }, uploads: [] }, upload: null };
  expect(await read()).toMatchObject(approved);
});

test("an operator's feed reports everybody's jobs", async () => {
  const world = await openWorld();
  await world.addForeignJob();
  const [, feed = ""] = ISOLATION_CASES.find(([title]) => title === "jobsUpdated") ?? [];
  // The stranger's job changed last, and the other one is reported first.
  expect(await world.ask(OPERATOR, feed)).toContain('"ownerId":"theirs"');
  expect(await world.ask(OWNER, feed)).toContain('"ownerId":"theirs"');
});

/** `Type.field` of each field whose value leads to a job, over whatever lies between. */
function findReaching(schema: GraphQLSchema): string[] {
  const reaching = new Set(["Job"]);
  const types = Object.values(schema.getTypeMap()).filter(({ name }) => !name.startsWith("__"));
  const fieldsOf = (type: (typeof types)[number]) =>
    isObjectType(type) || isInterfaceType(type) ? Object.values(type.getFields()) : [];
  const leads = (type: (typeof types)[number]): boolean =>
    fieldsOf(type).some((field) => reaching.has(getNamedType(field.type).name)) ||
    (isAbstractType(type) && schema.getPossibleTypes(type).some(({ name }) => reaching.has(name)));
  for (let size = 0; size < reaching.size;) {
    size = reaching.size;
    for (const type of types) if (leads(type)) reaching.add(type.name);
  }
  return types.flatMap((type) =>
    fieldsOf(type)
      .filter((field) => reaching.has(getNamedType(field.type).name))
      .map((field) => `${type.name}.${field.name}`),
  );
}

/** `Type.field` of each field that the cases select. */
function findSelected(): ReadonlySet<string> {
  const selected = new Set<string>();
  for (const [, text] of [...ISOLATION_CASES, ...HELD_CASES]) {
    const typeInfo = new TypeInfo(SCHEMA);
    visit(
      parse(text),
      visitWithTypeInfo(typeInfo, {
        Field({ name }) {
          selected.add(`${typeInfo.getParentType()?.name}.${name.value}`);
        },
      }),
    );
  }
  return selected;
}
