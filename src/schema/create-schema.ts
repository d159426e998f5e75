import type { GraphQLSchema } from "graphql";

import type { Catalogue } from "../deployments/catalogue.ts";
import { addAsset } from "./asset.ts";
import type { Builder } from "./builder.ts";
import { createBuilder } from "./builder.ts";
import { addCancelJob } from "./cancel-job.ts";
import { addDeleteJob } from "./delete-job.ts";
import { addDeployment } from "./deployment.ts";
import { addErrors } from "./errors.ts";
import { addJob } from "./job.ts";
import { addJobChange } from "./job-change.ts";
import { addJobConnection } from "./job-connection.ts";
import { addJobError } from "./job-error.ts";
import { addJobEvent } from "./job-event.ts";
import { addJobFilter } from "./job-filter.ts";
import { addJobStatus } from "./job-status.ts";
import { addJobUpdated } from "./job-updated.ts";
import { addJobsUpdated } from "./jobs-updated.ts";
import { addSafeInt, addScalars } from "./scalars.ts";
import { addSubmitJob } from "./submit-job.ts";
import type { SubmitJobResultRef } from "./submit-job-result.ts";
import { addSubmitJobResult } from "./submit-job-result.ts";
import { addInputField } from "./input-field.ts";
import { addLiveDeployment } from "./live-deployment.ts";
import { createGeneratedTypes } from "./generated-types.ts";
import { addSubmitDeployment } from "./submit-deployment.ts";
import { addTypedOutput } from "./typed-output.ts";
import { addViewer } from "./viewer.ts";

/** The gateway's schema; its operations need a `GatewayContext` each. */
export function createSchema(catalogue: Catalogue): GraphQLSchema {
  const builder = createBuilder();
  builder.queryType({
    description: "What the gateway knows. Asking runs nothing and costs nothing.",
  });
  builder.mutationType({
    description: "What reaches the upstream. Expected failures are part of the result.",
  });
  builder.subscriptionType({
    description: "What is told as it happens, over WebSocket or server-sent events.",
  });

  addScalars(builder);
  addViewer(builder);
  const jobStatus = addJobStatus(builder);
  const jobFilter = addJobFilter(builder, jobStatus);
  const jobConnection = addJobConnection(builder);
  addAsset(builder);
  addJobError(builder);
  addJobEvent(builder, jobStatus);
  addJob(builder, { catalogue, jobStatus, jobFilter, jobConnection });
  addDeployment(builder, { catalogue, jobConnection });
  addInputField(builder);
  addLiveDeployment(builder);
  addErrors(builder);
  const submitJobResult = addSubmitJobResult(builder);
  addSubmitJob(builder, submitJobResult);
  addCancelJob(builder);
  addDeleteJob(builder);
  addJobUpdated(builder);
  addJobChange(builder);
  addJobsUpdated(builder, jobFilter);
  addGenerated(builder, catalogue, submitJobResult);
  // Fields in the order of their schema: the prompt first, and not after ten others.
  return Object.assign(builder.toSchema({ sortSchema: false }), { description: DESCRIPTION });
}

/** What documentation begins with. */
const DESCRIPTION = `Runs LoRA deployments on RunComfy, and tells how each job goes:

1. **Submit** with \`submitJob\`, or with the deployment's own mutation (\`Deployment.submitField\`). With an \`idempotencyKey\` a retry gives the same job, and costs nothing more.
2. **Watch** with \`jobUpdated\`: the job as it is now, then after each change until it has ended. Until it runs, \`cancelJob\` cancels it.
3. **Show** the pictures: \`assets\` of a job that SUCCEEDED has their URLs, good for 7 days.

\`jobs\` lists what was submitted, and \`jobsUpdated\` tells of every change. Expected failures are part of a mutation's result.`;

/** What the catalogue's schemas and models add. */
function addGenerated(
  builder: Builder,
  catalogue: Catalogue,
  submitJobResult: SubmitJobResultRef,
): void {
  const { deployments } = catalogue;
  if (deployments.every(({ input, output }) => input === null && output === null)) return;
  addSafeInt(builder);
  const types = createGeneratedTypes(builder);
  for (const deployment of deployments) {
    if (deployment.input === null) continue;
    addSubmitDeployment(builder, {
      deployment,
      contract: deployment.input,
      types,
      submitJobResult,
    });
  }
  addTypedOutput(builder, { catalogue, types });
}
