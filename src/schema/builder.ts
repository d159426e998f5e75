import SchemaBuilder from "@pothos/core";
import ComplexityPlugin from "@pothos/plugin-complexity";
import ErrorsPlugin from "@pothos/plugin-errors";
import RelayPlugin from "@pothos/plugin-relay";

import type { Viewer } from "../auth/viewer.ts";
import type { Deployment } from "../deployments/catalogue.ts";
import type { FieldShape } from "../deployments/shape/shape.ts";
import type { Asset } from "../job/asset.ts";
import type { InputIssue } from "../job/input-issue.ts";
import type { Job, JobError, JobEvent } from "../job/job.ts";
import { JOB_ID_PREFIX } from "../job/job.ts";
import type { JsonValue } from "../job/json.ts";
import type { LiveDeployment } from "../runcomfy/live-deployment.ts";
import type { Submitted } from "../tracking/submit-job.ts";
import type { JobChange } from "../watch/watch-jobs.ts";
import type { GatewayContext } from "./context.ts";
import "./scope.ts";

export type Builder = ReturnType<typeof createBuilder>;

/** A builder that knows every domain type by its name, so that the files of the nouns need not know each other. */
export function createBuilder() {
  return new SchemaBuilder<{
    Context: GatewayContext;
    DefaultFieldNullability: false;
    DefaultEdgesNullability: { list: false; items: false };
    DefaultNodeNullability: false;
    Scalars: {
      ID: { Input: string; Output: string };
      DateTime: { Input: Date; Output: Date };
      JSON: { Input: JsonValue; Output: JsonValue };
      SafeInt: { Input: number; Output: number };
      URL: { Input: string; Output: string };
    };
    Interfaces: { Error: Error };
    Objects: {
      Asset: Asset;
      Deployment: Deployment;
      InputIssue: InputIssue;
      InputField: FieldShape;
      InputWarning: InputIssue;
      Job: Job;
      JobChange: JobChange;
      JobError: JobError;
      JobEvent: JobEvent;
      LiveDeployment: LiveDeployment;
      SubmitJobSuccess: Submitted;
      Viewer: Viewer;
    };
    Connection: { readonly totalCount: () => Promise<number> };
  }>({
    plugins: ["scopes", ErrorsPlugin, RelayPlugin, ComplexityPlugin],
    defaultFieldNullability: false,
    // The server asks before it runs an operation; here fields only say what they cost, one each where they say nothing.
    complexity: { disabled: true, defaultListMultiplier: 5 },
    relay: {
      // Ids are what they are everywhere else: the vendor's own, and `job_…` for jobs.
      encodeGlobalID: (_typename, id) => String(id),
      decodeGlobalID: (id) => ({
        typename: id.startsWith(JOB_ID_PREFIX) ? "Job" : "Deployment",
        id,
      }),
      cursorType: "String",
      nodeTypeOptions: { description: "Anything that `node` can find again by its id." },
      idFieldOptions: { description: "Unique among all objects of the gateway, and lasting." },
      nodeQueryOptions: {
        description:
          "The object with this id: an id that starts with `job_` is a job's, any other a deployment's. Null when there is none.",
        args: { id: { description: "As an object's `id` field gave it." } },
        scope: ({ id }) => (id.typename === "Job" ? "jobs:read" : null),
      },
      nodesQueryOptions: false,
      edgesFieldOptions: {
        nullable: { list: false, items: false },
        description: "The jobs of this page, newest first; empty when none is left.",
        // The page itself counts its jobs.
        complexity: { field: 1, multiplier: 1 },
      },
      nodeFieldOptions: { nullable: false, description: "The job that stands here." },
      cursorFieldOptions: {
        description: "This place in the list; give it as `after` or `before`.",
      },
      pageInfoTypeOptions: {
        description: "Where a page lies in its list, and how to get on from it.",
      },
      pageInfoFieldOptions: {
        description: "How to get to the pages around this one.",
        complexity: { field: 1, multiplier: 0 },
      },
      hasNextPageFieldOptions: {
        description:
          "Whether older jobs follow this page. When paging backward it says only whether `before` was given.",
      },
      hasPreviousPageFieldOptions: {
        description:
          "Whether newer jobs come before this page. When paging forward it says only whether `after` was given.",
      },
      startCursorFieldOptions: {
        description:
          "The place of this page's first job, for `before`; null when the page is empty.",
      },
      endCursorFieldOptions: {
        description: "The place of this page's last job, for `after`; null when the page is empty.",
      },
      firstArgOptions: {
        description:
          "How many jobs to take from the start, 0 to 100; 20 when neither this nor `last` is given. Not together with `last`.",
      },
      afterArgOptions: {
        description: "A cursor of an earlier page: only what stands behind it, older jobs.",
      },
      lastArgOptions: {
        description:
          "How many jobs to take from the end, 0 to 100; they still come newest first. Not together with `first`.",
      },
      beforeArgOptions: {
        description: "A cursor of an earlier page: only what stands before it, newer jobs.",
      },
    },
  });
}
