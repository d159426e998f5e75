import type { Asset } from "../job/asset.ts";
import type { JobKind } from "../job/kind.ts";
import type { JsonValue } from "../job/json.ts";
import type { Service } from "../job/upstream.ts";
import type { ErrorMeanings } from "./answer-error.ts";
import type { CancelReport, ResultReport, StatusReport } from "./wire.ts";

/** What a job is sent to. */
export type Target = {
  readonly kind: JobKind;
  readonly apiVersion: string;
  readonly deploymentId: string;
};

/** The upstream's name for one job. */
export type RequestReference = Target & { readonly requestId: string };

/**
 * How one kind of job is spoken of with the vendor. How calls are sent, repeated, paced and given up is the same for all
 * kinds. A path is below the service's URL, and null when an id would change its shape. Every reader turns the body of a
 * 2xx into the gateway's word for it, or null when it is not the answer to the call.
 */
export type Adapter = {
  readonly service: Service;
  /** Whether a value can be the id of a deployment of this kind. */
  readonly isId: (value: unknown) => value is string;
  /** Whether RunComfy calls a URL when such a job has ended. */
  readonly takesWebhook: boolean;
  /** `webhook` is the URL to call, where the kind takes one; null for no call. */
  readonly toSubmitPath: (target: Target, webhook: string | null) => string | null;
  readonly toRequestPath: (
    request: RequestReference,
    call: "status" | "result" | "cancel",
  ) => string | null;
  readonly readStatus: (body: JsonValue) => StatusReport | null;
  readonly readResult: (body: JsonValue) => ResultReport | null;
  /** What the body of a 4xx says of a result beside an error. */
  readonly readEarlyResult?: (body: JsonValue) => ResultReport | null;
  readonly readCancel: (body: JsonValue) => CancelReport | null;
  readonly errors: ErrorMeanings;
  /** The files in an output; of a workflow's, those of the nodes in `outputs`, or (null) of every node that saves files. */
  readonly findAssets: (
    output: JsonValue,
    outputs: readonly string[] | null,
    onLongUrl?: () => void,
  ) => readonly Asset[];
};
