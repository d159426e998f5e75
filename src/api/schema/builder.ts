import SchemaBuilder from "@pothos/core";
import ComplexityPlugin from "@pothos/plugin-complexity";
import ErrorsPlugin from "@pothos/plugin-errors";
import RelayPlugin from "@pothos/plugin-relay";
import { GraphQLError, Kind, valueFromASTUntyped, type ValueNode, visit } from "graphql";
import { z } from "zod";

import type { Viewer } from "../../auth/viewer.ts";
import type { Deployment, FieldShape, Price } from "../../engine/deployments/catalogue.ts";
import type { JobAsset } from "../../engine/job/asset.ts";
import type { Cost } from "../../engine/job/cost.ts";
import type { Estimate } from "../../engine/job/estimate.ts";
import type { Hold, QueueOptions } from "../../engine/job/hold.ts";
import type { InputIssue } from "../../engine/job/input.ts";
import { type Job, JOB_ID_PREFIX, type JobError, type JobEvent } from "../../engine/job/job.ts";
import type { JsonValue } from "../../engine/job/json.ts";
import type { Durations, RunStats } from "../../engine/job/run-times.ts";
import type { LiveDeployment } from "../../engine/runcomfy/read-deployments.ts";
import type { InputCheck } from "../../engine/tracking/submission.ts";
import type { Submitted } from "../../engine/tracking/submit-job.ts";
import type { Upload } from "../../engine/store/upload-rows.ts";
import type { JobChange } from "../../engine/watch/watch-jobs.ts";
import type { GatewayContext } from "./context.ts";

export type Builder = ReturnType<typeof createBuilder>;

/** A `QueueInput` as it is given: a default may be replaced by null. */
export type GivenQueue = {
  readonly [Name in keyof QueueOptions]?: QueueOptions[Name] | null | undefined;
};

/** A builder that knows every domain type by its name, so that the files of the types need not import each other. */
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
    Inputs: { QueueInput: GivenQueue };
    Objects: {
      Asset: JobAsset;
      Cost: Cost;
      Deployment: Deployment;
      DeploymentStats: RunStats & { readonly upstreamWebhooks: number };
      Durations: Durations;
      Hold: Hold & { readonly job: Job };
      InputCheck: InputCheck & { readonly deploymentId: string };
      InputIssue: InputIssue;
      InputField: FieldShape;
      InputWarning: InputIssue;
      Job: Job;
      JobChange: JobChange;
      JobError: JobError;
      JobEstimate: Estimate;
      JobEvent: JobEvent;
      LiveDeployment: LiveDeployment;
      Price: Price;
      SubmitJobSuccess: Submitted;
      Upload: Upload & { readonly putUrl?: string };
      Viewer: Viewer;
    };
    Connection: {
      readonly totalCount: () => Promise<number | null>;
      readonly searchedTo: Date | null;
    };
  }>({
    plugins: [ErrorsPlugin, RelayPlugin, ComplexityPlugin],
    defaultFieldNullability: false,
    // The server prices an operation before it runs; fields only say what they cost, one each by default.
    complexity: { disabled: true, defaultListMultiplier: 5 },
    relay: {
      // Ids are the same everywhere: RunComfy's own for deployments, and `job_…` for jobs.
      encodeGlobalID: (_typename, id) => String(id),
      decodeGlobalID: (id) => ({
        typename: id.startsWith(JOB_ID_PREFIX) ? "Job" : "Deployment",
        id,
      }),
      cursorType: "String",
      nodeTypeOptions: { description: "Anything that `node` can find by its id." },
      idFieldOptions: { ...exposed("id"), description: "Unique in the gateway, and permanent." },
      nodeQueryOptions: {
        description:
          "The object with this id: a job if the id starts with `job_`, a deployment if not. Null when there is none.",
        args: { id: { description: "The `id` of an object." } },
      },
      nodesQueryOptions: false,
      edgesFieldOptions: {
        ...exposed("edges"),
        nullable: { list: false, items: false },
        description: "The jobs of this page, newest first; empty when there are no more.",
        // The page itself counts its jobs.
        complexity: { field: 1, multiplier: 1 },
      },
      nodeFieldOptions: {
        ...exposed("node"),
        nullable: false,
        description: "The job at this position.",
      },
      cursorFieldOptions: {
        description: "This position in the list, for `after` or `before`.",
      },
      pageInfoTypeOptions: {
        description: "Where a page is in its list, and how to get the pages around it.",
      },
      pageInfoFieldOptions: {
        ...exposed("pageInfo"),
        description: "How to get the pages around this one.",
        complexity: { field: 1, multiplier: 0 },
      },
      hasNextPageFieldOptions: {
        description:
          "Whether older jobs follow this page. When paging backward, only whether `before` was given.",
      },
      hasPreviousPageFieldOptions: {
        description:
          "Whether newer jobs come before this page. When paging forward, only whether `after` was given.",
      },
      startCursorFieldOptions: {
        description:
          "Where this page begins, for `before`: its first job, or how far a search got. Null only when there is no previous page.",
      },
      endCursorFieldOptions: {
        description:
          "Where this page stopped, for `after`: its last job, or how far a search got. Null only when there is no next page.",
      },
      firstArgOptions: {
        description:
          "How many jobs to take from the start, 0 to 100; 20 if you give neither this nor `last`. Can't be combined with `last`.",
      },
      afterArgOptions: {
        description: "A cursor from another page: only the older jobs after it.",
      },
      lastArgOptions: {
        description:
          "How many jobs to take from the end, 0 to 100; they still come newest first. Can't be combined with `first`.",
      },
      beforeArgOptions: {
        description: "A cursor from another page: only the newer jobs before it.",
      },
    },
  });
}

/** Has a field read from its object, where Pothos would call a resolver, and for an id wait for it. */
function exposed(name: string) {
  return { extensions: { pothosExposedField: name } };
}

export function addScalars(builder: Builder): void {
  builder.scalarType("DateTime", {
    description:
      "An RFC 3339 date and time, e.g. `2025-07-22T13:05:16.143Z`. Answers are in UTC with milliseconds; an argument may have any offset, but must have one.",
    serialize: (date) => date.toISOString(),
    parseValue: (value) => parseDateTime(value),
    parseLiteral: (node) => parseDateTime(node.kind === Kind.STRING ? node.value : null, node),
  });
  builder.scalarType("JSON", {
    description:
      "Any JSON value, passed on unchanged. A literal is written in GraphQL's syntax and may contain variables.",
    serialize: (value) => value,
    parseValue: parseJson,
    parseLiteral: (node, variables) => parseJson(readLiteral(node, variables ?? {})),
  });
  builder.scalarType("URL", {
    description: "An absolute http or https URL. RunComfy's URLs are passed on unchanged.",
    serialize: (url) => url,
    parseValue: (value) => parseUrl(value),
    parseLiteral: (node) => parseUrl(node.kind === Kind.STRING ? node.value : null, node),
  });
  // GraphQL's Int has 32 bits.
  builder.scalarType("SafeInt", {
    description:
      "An integer from -(2^53-1) to 2^53-1; JSON numbers lose digits outside of this range.",
    serialize: (integer) => integer,
    parseValue: parseSafeInt,
    parseLiteral: (node) => parseSafeInt(node.kind === Kind.INT ? Number(node.value) : null),
  });
}

/** The field that takes it says which URLs are allowed. */
function parseUrl(value: unknown, literal: ValueNode | null = null): string {
  if (typeof value === "string") return value;
  throw badUserInput("This is not a URL. Send it as a text.", literal);
}

function parseSafeInt(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  throw badUserInput(
    "This is not an integer from -(2^53-1) to 2^53-1. Send one without a fraction.",
  );
}

const DATE_TIME = z.iso.datetime({ offset: true }).regex(/T\d\d:\d\d:\d\d/);

function parseDateTime(value: unknown, literal: ValueNode | null = null): Date {
  const parsed = DATE_TIME.safeParse(value);
  if (parsed.success) return new Date(parsed.data);
  throw badUserInput(
    "This is not an RFC 3339 date and time with an offset. Write it like 2025-07-22T13:05:16Z or 2025-07-22T15:05:16+02:00.",
    literal,
  );
}

function parseJson(value: unknown): JsonValue {
  if (isJson(value)) return value;
  throw badUserInput("This is not a JSON value. Send what JSON can hold.");
}

/** Checks the outermost level only: what was parsed from JSON is JSON all the way down. */
function isJson(value: unknown): value is JsonValue {
  if (value === null) return true;
  if (typeof value !== "object") return ["boolean", "number", "string"].includes(typeof value);
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** As in GraphQL's own input objects, a key whose variable was not given is left out; in a list it is null. */
function readLiteral(literal: ValueNode, variables: { readonly [name: string]: unknown }): unknown {
  const isUnset = (node: ValueNode): boolean =>
    node.kind === Kind.VARIABLE && variables[node.name.value] === undefined;
  const given: ValueNode = visit(literal, {
    ObjectField: ({ value }) => (isUnset(value) ? null : undefined),
    Variable: (node) => (isUnset(node) ? { kind: Kind.NULL } : undefined),
    EnumValue({ value }) {
      throw badUserInput(`JSON has no word ${value}. Put it in quotes.`);
    },
  });
  return valueFromASTUntyped(given, variables);
}

/** GraphQL would prefix the message of any other error with words of its own. `literal` gives its location. */
function badUserInput(message: string, literal: ValueNode | null = null): GraphQLError {
  return new GraphQLError(message, { nodes: literal, extensions: { code: "BAD_USER_INPUT" } });
}
