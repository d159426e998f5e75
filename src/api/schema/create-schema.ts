import type { GraphQLSchema } from "graphql";

import { type Scope, SCOPES } from "../../auth/viewer.ts";
import type { Catalogue } from "../../engine/deployments/catalogue.ts";
import type { Builder } from "./builder.ts";
import { addScalars, createBuilder } from "./builder.ts";
import { addCancelAndDelete } from "./cancel-and-delete.ts";
import { addCost } from "./cost.ts";
import { addDeployment, addDeploymentKind } from "./deployment.ts";
import { addErrors } from "./errors.ts";
import { addGenerated } from "./generated.ts";
import { addJob, addJobStatus } from "./job-type.ts";
import { addHeldJobs } from "./held-jobs.ts";
import { addLabels } from "./labels.ts";
import { addJobFilter, addJobList } from "./job-connection.ts";
import { addMatchingJobs } from "./matching-jobs.ts";
import { addAsset, addKeepOutputs } from "./files.ts";
import { addPauseDeployment } from "./pause-deployment.ts";
import type { SubmitArguments } from "./submit.ts";
import { addCheckInput, addSubmit, addSubmitJobResult } from "./submit.ts";
import { addSubscriptions } from "./subscriptions.ts";
import { addUploads } from "./uploads.ts";

/** Adds a part's types and fields; `events` are those of all parts. */
export type SchemaAddition = (builder: Builder, events: Events) => void;

type Events = Readonly<Record<string, string>>;

/** A part that is on, and what it adds, if anything. */
export type SchemaPart = {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly events: Events;
  readonly submitOptions: SubmitArguments;
  readonly add: SchemaAddition | null;
};

/** The gateway's schema; each of its operations needs a `GatewayContext`. */
export function createSchema(
  catalogue: Catalogue,
  parts: readonly SchemaPart[] = [],
): GraphQLSchema {
  const builder = createBuilder();
  builder.queryType({
    description: "What the gateway knows. A query runs nothing and costs nothing.",
  });
  builder.mutationType({
    description:
      "What runs, cancels, deletes, labels, uploads or keeps something. Expected failures are part of each result.",
  });
  builder.subscriptionType({
    description: "What you can watch as it happens, over WebSocket or server-sent events.",
  });

  addScalars(builder);
  addViewer(builder, parts);
  const jobStatus = addJobStatus(builder);
  const deploymentKind = addDeploymentKind(builder);
  const jobFilter = addJobFilter(builder, jobStatus);
  addAsset(builder);
  addJob(builder, { jobStatus, deploymentKind });
  addDeployment(builder, { catalogue, deploymentKind });
  addJobList(builder, jobFilter);
  addErrors(builder);
  const submitJobResult = addSubmitJobResult(builder);
  addCheckInput(builder);
  addCost(builder);
  const submitOptions = merge(parts, "submitOptions");
  addSubmit(builder, submitJobResult, submitOptions);
  addCancelAndDelete(builder);
  addMatchingJobs(builder, jobFilter);
  addPauseDeployment(builder);
  addHeldJobs(builder);
  addLabels(builder);
  addUploads(builder);
  addKeepOutputs(builder);
  const events = merge(parts, "events");
  for (const { add } of parts) add?.(builder, events);
  addSubscriptions(builder, jobFilter);
  addGenerated(builder, { catalogue, submitJobResult, submitOptions });
  // Unsorted, so that fields keep the order of their JSON Schema: the prompt first.
  return Object.assign(builder.toSchema({ sortSchema: false }), { description: DESCRIPTION });
}

/** What documentation begins with. */
const DESCRIPTION = `Runs LoRAs, ComfyUI workflows and models on RunComfy, and follows every job to its end:

1. **Submit** with \`submitJob\`, or with the deployment's own mutation (\`Deployment.submitField\`). With an \`idempotencyKey\` a retry gives the same job and costs nothing.
2. **Watch** with \`jobUpdated\`: the job as it is now, then after each change until it ends. Before it runs, you can cancel it with \`cancelJob\`.
3. **Show** the pictures: \`assets\` of a job that SUCCEEDED has their URLs. RunComfy's work for 7 days; a file that the gateway keeps also has a URL of its own (\`keptUrl\`).

If an input picture is not on the web, upload it with \`createUpload\`.

\`jobs\` lists what was submitted, and \`jobsUpdated\` reports every change. Expected failures are part of a mutation's result.`;

/** What all parts have under this name, in one record. */
function merge<Name extends "events" | "submitOptions">(
  parts: readonly SchemaPart[],
  name: Name,
): SchemaPart[Name] {
  return Object.assign({}, ...parts.map((part) => part[name]));
}

function addViewer(builder: Builder, parts: readonly SchemaPart[]): void {
  const ofParts = parts.flatMap(({ scopes }) => scopes);
  builder.objectType("Viewer", {
    description: "You, as the gateway knows you by your credential.",
    fields: (t) => ({
      id: t.exposeID("ownerId", {
        description: "The owner of the jobs that you submit with this credential.",
      }),
      scopes: t.stringList({
        description: `What the credential allows: ${["`jobs:submit`", "`jobs:cancel` (also deletes)", "`jobs:read`", ...ofParts.map((scope) => `\`${scope}\``), "`jobs:approve` (decides on jobs that wait for approval)"].join(", ")} and, for operators, \`jobs:read:all\` (everybody's jobs) and \`operate\` (pauses deployments for everybody).`,
        resolve: ({ scopes }) => [...SCOPES, ...ofParts].filter((scope) => scopes.has(scope)),
      }),
      parts: t.stringList({
        description:
          "The names of the parts that are on at this gateway. The schema has the fields of only these.",
        resolve: () => parts.map(({ name }) => name),
      }),
    }),
  });

  builder.queryField("viewer", (t) =>
    t.field({
      type: "Viewer",
      description: "Who you are. Needs no scope.",
      resolve: (_root, _arguments, { viewer }) => viewer,
    }),
  );
}
