import { clock } from "../../runtime/environment.ts";
import type { Catalogue, Shape } from "../../engine/deployments/catalogue.ts";
import { KINDS } from "../../engine/runcomfy/kinds/kinds.ts";
import { findDeployment, listDeployments } from "../../engine/use-cases/deployments.ts";
import type { Builder } from "./builder.ts";

/** A document is priced as if there were this many deployments outside of the catalogue. */
const UNLISTED_COUNT = 100;

export type DeploymentKindRef = ReturnType<typeof addDeploymentKind>;

export function addDeploymentKind(builder: Builder) {
  return builder.enumType("DeploymentKind", {
    description: "Which of RunComfy's APIs runs a job.",
    values: Object.fromEntries(
      KINDS.map(({ name, description }) => [name.toUpperCase(), { value: name, description }]),
    ),
  });
}

export function addDeployment(
  builder: Builder,
  {
    catalogue,
    deploymentKind,
  }: { readonly catalogue: Catalogue; readonly deploymentKind: DeploymentKindRef },
): void {
  addInputField(builder);
  addLiveDeployment(builder);
  addDeploymentStats(builder);
  addPrice(builder);
  const outage = addOutage(builder);

  builder.node("Deployment", {
    description:
      "What RunComfy runs: a model with a LoRA, a ComfyUI workflow, or a model of its catalogue. A job is one run of it.",
    id: {
      description: "RunComfy's id, as its dashboard shows it.",
      resolve: (deployment) => deployment.id,
    },
    async loadWithoutCache(id, context) {
      const found = await findDeployment(context, id);
      // Pothos marks what it loads here, and would then not take the catalogue's own for a mutation's result.
      return found && { ...found };
    },
    fields: (t) => ({
      kind: t.expose("kind", {
        type: deploymentKind,
        description: "Which of RunComfy's APIs runs it.",
      }),
      name: t.exposeString("name", { description: "A name for people; the id if it has none." }),
      description: t.exposeString("description", {
        nullable: true,
        description: "What it is for; null when unknown.",
      }),
      model: t.exposeString("model", {
        nullable: true,
        description: "The LoRA's base model, e.g. `flux`; null when unknown, and for other kinds.",
      }),
      price: t.expose("price", {
        type: "Price",
        nullable: true,
        description:
          "What RunComfy's catalogue says a run costs; null when unknown, which does not mean free.",
      }),
      submitField: t.string({
        nullable: true,
        description:
          "Its own mutation, which submits a job with a typed input, e.g. `submitWarmGlow`; null when the gateway knows neither a schema nor a model.",
        resolve: ({ input }) => input?.submitField ?? null,
      }),
      inputFields: t.field({
        type: ["InputField"],
        description: "The fields of its input; empty when none are known.",
        // In memory, and cheap by the field.
        complexity: { field: 10, multiplier: 0 },
        resolve: ({ input }) => input?.shape?.fields ?? [],
      }),
      live: t.field({
        type: "LiveDeployment",
        nullable: true,
        description:
          "How RunComfy runs it now, cached for 10 s; null for a model, and when RunComfy does not know it or can't be asked at the moment.",
        complexity: 10,
        resolve: ({ id }, _arguments, { engine }) => engine.live.read(id),
      }),
      outage: t.field({
        type: outage,
        nullable: true,
        description:
          "An outage of this deployment; null if there is none. Until it ends, submits to it are refused at once. `Query.outage` is an outage of all of RunComfy.",
        resolve: ({ id }, _arguments, { engine }) => toOutage(engine.health.outageMs(id)),
      }),
      stats: t.field({
        type: "DeploymentStats",
        description: "How its last 200 runs went, those of all owners.",
        complexity: 5,
        resolve: ({ id }, _arguments, { engine }) => engine.learning.readStats(id),
      }),
      inputSchema: t.expose("inputSchema", {
        type: "JSON",
        nullable: true,
        complexity: 20,
        description:
          "The JSON Schema of a job's `input`, from the gateway's file or made from the `model`; null when the gateway knows neither.",
      }),
      outputSchema: t.expose("outputSchema", {
        type: "JSON",
        nullable: true,
        complexity: 20,
        description: "The JSON Schema of a job's `output`; null when the gateway knows none.",
      }),
    }),
  });

  builder.queryFields((t) => ({
    outage: t.field({
      type: outage,
      nullable: true,
      description:
        "An outage of RunComfy as a whole; null if there is none. Until it ends, submits are refused at once and jobs are not polled.",
      resolve: (_root, _arguments, { engine }) => toOutage(engine.health.outageMs()),
    }),
    isTokenRefused: t.boolean({
      description:
        "Whether RunComfy refused the gateway's token when it was last asked for deployments. If so, no submit succeeds until the gateway's operator sets a valid `RUNCOMFY_API_TOKEN`.",
      resolve: (_root, _arguments, { engine }) => engine.live.token() === "refused",
    }),
    deployment: t.field({
      type: "Deployment",
      nullable: true,
      description: "The deployment with this id; null when `deployments` does not list it.",
      args: { id: t.arg.id({ required: true, description: "RunComfy's id of the deployment." }) },
      resolve: (_root, { id }, context) => findDeployment(context, id),
    }),
    deployments: t.field({
      type: ["Deployment"],
      description:
        "First the deployments of the gateway's file, in its order. Without a file, or with one that allows others, also those that RunComfy lists (with the scope `jobs:read:all`) and those that your jobs name; workflows only run if the file lists them.",
      complexity: {
        field: 10,
        multiplier: catalogue.deployments.length + (catalogue.hasOthers ? UNLISTED_COUNT : 0),
      },
      resolve: (_root, _arguments, context) => listDeployments(context),
    }),
  }));
}

function addPrice(builder: Builder): void {
  builder.objectType("Price", {
    description:
      "What a run costs, in US dollars, as RunComfy's catalogue says: a base, not a quote. Resolution, length and the like may change it.",
    fields: (t) => ({
      amount: t.exposeFloat("amount", { description: "US dollars for one `unit`." }),
      unit: t.exposeString("unit", {
        description: "What is counted, in RunComfy's word: `output`, `second`.",
      }),
      note: t.exposeString("note", {
        nullable: true,
        description: "What the catalogue adds to it, for people; null if nothing.",
      }),
    }),
  });
}

/** For clients that draw forms. */
function addInputField(builder: Builder): void {
  builder.objectType("InputField", {
    description: "A field of a deployment's input.",
    fields: (t) => ({
      name: t.exposeString("name", {
        description:
          "Its name in `submitJob`: `ctrl_img_1`. It is RunComfy's own, or for a ComfyUI workflow the name that the gateway's file gives.",
      }),
      graphqlName: t.exposeString("graphqlName", {
        description: "Its name in the deployment's own mutation: `ctrlImg1`.",
      }),
      type: t.string({
        description:
          "Its GraphQL type in the deployment's own mutation, without the `!` of `required`: `Int`, `[String!]`. JSON where GraphQL has no type for it.",
        resolve: ({ shape }) => toTypeText(shape),
      }),
      required: t.exposeBoolean("isRequired", {
        description:
          "Whether you must give it, even if it has a default. It may still accept null.",
      }),
      default: t.field({
        type: "JSON",
        nullable: true,
        description:
          "The value that applies if you leave it out, according to the schema; null when the schema names none. RunComfy applies it; the gateway fills nothing in.",
        resolve: (field) => field.default ?? null,
      }),
      minimum: t.exposeFloat("minimum", {
        nullable: true,
        description:
          "The smallest value allowed; null without such a bound, or if it is exclusive.",
      }),
      maximum: t.exposeFloat("maximum", {
        nullable: true,
        description: "The largest value allowed; null without such a bound, or if it is exclusive.",
      }),
      description: t.exposeString("description", {
        nullable: true,
        description: "What it is for, in the schema's words; null when the schema does not say.",
      }),
    }),
  });
}

function toTypeText(shape: Shape): string {
  switch (shape.kind) {
    case "scalar":
      return shape.scalar;
    case "enum":
      return shape.enumeration.typeName;
    case "object":
      return shape.object.typeName;
    case "list":
      return `[${toTypeText(shape.item)}${shape.item.isNullable ? "" : "!"}]`;
  }
}

function addLiveDeployment(builder: Builder): void {
  const ifKnown = (description: string) => ({
    nullable: true as const,
    description: `${description}; null if not known.`,
  });
  builder.objectType("LiveDeployment", {
    description: "How RunComfy runs a deployment, as of a few seconds ago.",
    fields: (t) => ({
      hardware: t.exposeStringList("hardware", {
        description: "The machines that it may run on, in RunComfy's words; empty if not known.",
      }),
      minInstances: t.exposeInt("minInstances", ifKnown("How many instances always stay up")),
      maxInstances: t.exposeInt("maxInstances", ifKnown("How many instances it may grow to")),
      queueSize: t.exposeInt(
        "queueSize",
        ifKnown("How many jobs wait for an instance before RunComfy starts another one"),
      ),
      keepWarmSeconds: t.exposeInt("keepWarmSeconds", ifKnown("How long an idle instance lives")),
      isEnabled: t.exposeBoolean("isEnabled", ifKnown("Whether it accepts jobs")),
      status: t.exposeString("status", ifKnown("Its state, in RunComfy's own word")),
    }),
  });
}

function addOutage(builder: Builder) {
  return builder.objectRef<{ readonly since: Date }>("Outage").implement({
    description: "RunComfy or a deployment keeps failing this gateway's requests.",
    fields: (t) => ({
      since: t.expose("since", { type: "DateTime", description: "When the gateway noticed it." }),
    }),
  });
}

function toOutage(durationMs: number | null) {
  return durationMs === null ? null : { since: new Date(clock.now() - durationMs) };
}

function addDeploymentStats(builder: Builder): void {
  builder.objectType("Durations", {
    description: "How long something took, in seconds.",
    fields: (t) => ({
      p50: t.exposeFloat("p50", { description: "The median: half took no longer." }),
      p90: t.exposeFloat("p90", { description: "9 of 10 took no longer." }),
      p99: t.exposeFloat("p99", { description: "99 of 100 took no longer." }),
    }),
  });
  const durations = (description: string) => ({
    type: "Durations" as const,
    nullable: true as const,
    description: `${description}; null if there are none.`,
  });
  builder.objectType("DeploymentStats", {
    description: "How the last 200 runs of a deployment went.",
    fields: (t) => ({
      runs: t.exposeInt("runs", { description: "How many there were; at most 200." }),
      succeeded: t.exposeInt("succeeded", { description: "How many of them SUCCEEDED." }),
      failed: t.exposeInt("failed", { description: "How many of them FAILED." }),
      cancelled: t.exposeInt("cancelled", { description: "How many of them were CANCELLED." }),
      upstreamWebhooks: t.exposeInt("upstreamWebhooks", {
        description:
          "How often, since this gateway started, RunComfy notified it of a job's end before it knew of that end. Each gateway on the database counts its own.",
      }),
      queueSeconds: t.expose(
        "queueSeconds",
        durations(
          "How long runs that were not cold starts waited, including those queued behind a cold start",
        ),
      ),
      runSeconds: t.expose("runSeconds", durations("How long the runs that SUCCEEDED took")),
      coldStartSeconds: t.expose(
        "coldStartSeconds",
        durations(
          "How long cold starts waited: the first runs after a pause, for which an instance has to start",
        ),
      ),
    }),
  });
}
