import type { GraphQLSchema } from "graphql";

import type { Catalogue } from "../deployments/catalogue.ts";
import { addAsset } from "./asset.ts";
import { createBuilder } from "./builder.ts";
import { addCancelJob } from "./cancel-job.ts";
import { addDeployment } from "./deployment.ts";
import { addErrors } from "./errors.ts";
import { addJob } from "./job.ts";
import { addJobConnection } from "./job-connection.ts";
import { addJobError } from "./job-error.ts";
import { addJobEvent } from "./job-event.ts";
import { addJobFilter } from "./job-filter.ts";
import { addJobStatus } from "./job-status.ts";
import { addJobUpdated } from "./job-updated.ts";
import { addScalars } from "./scalars.ts";
import { addSubmitJob } from "./submit-job.ts";

/** The gateway's schema; its operations need a `GatewayContext` each. */
export function createSchema(catalogue: Catalogue): GraphQLSchema {
  const builder = createBuilder();
  builder.queryType({
    description: "What the gateway knows. Asking it costs the upstream nothing.",
  });
  builder.mutationType({
    description: "What reaches the upstream. Expected failures are part of the result.",
  });
  builder.subscriptionType({
    description: "What is told as it happens, over WebSocket or server-sent events.",
  });

  addScalars(builder);
  const jobStatus = addJobStatus(builder);
  const jobFilter = addJobFilter(builder, jobStatus);
  const jobConnection = addJobConnection(builder);
  addAsset(builder);
  addJobError(builder);
  addJobEvent(builder, jobStatus);
  addJob(builder, { catalogue, jobStatus, jobFilter, jobConnection });
  addDeployment(builder, { catalogue, jobConnection });
  addErrors(builder);
  addSubmitJob(builder);
  addCancelJob(builder);
  addJobUpdated(builder);
  return builder.toSchema();
}
