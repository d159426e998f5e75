/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** The stage that a job has reached. It only moves forward, and may skip statuses; except that a job that was HELD is HELD again if RunComfy certainly did not get it. */
export type JobStatus =
  /** Cancelled before it ran. Final. */
  | 'CANCELLED'
  /** Ended without an output; `error` says why. Final. */
  | 'FAILED'
  /** Stored in the gateway and not sent to RunComfy yet: it costs nothing, and a cancel is certain. `hold` says why. */
  | 'HELD'
  /** Running; too late to cancel. */
  | 'IN_PROGRESS'
  /** Accepted and waiting in the queue. A job can be cancelled until it is IN_PROGRESS, not later. */
  | 'IN_QUEUE'
  /** On its way to RunComfy, which has not accepted it yet. */
  | 'SUBMITTING'
  /** Ended successfully; the job has an `output`. Final. */
  | 'SUCCEEDED';

/** What Warm Glow takes. */
export type WarmGlowInput = {
  /** The picture to edit. A public https URL of a file, or `upload:` and the `id` of an upload. Sent as `ctrl_img_1`. */
  ctrlImg1: string;
  /** A second picture to draw on. A public https URL of a file, or `upload:` and the `id` of an upload. Sent as `ctrl_img_2`. */
  ctrlImg2?: string | null | undefined;
  /** A third picture to draw on. A public https URL of a file, or `upload:` and the `id` of an upload. Sent as `ctrl_img_3`. */
  ctrlImg3?: string | null | undefined;
  /** Without effect on images. `minimum` 1, `maximum` 120. Default: `1`. */
  fps?: number | null | undefined;
  /** How closely the prompt is followed. `minimum` 0, `maximum` 20. Default: `4`. Sent as `guidance_scale`. */
  guidanceScale?: number | null | undefined;
  /** Height in pixels, floored to a multiple of 32. `minimum` 64, `maximum` 4096. Default: `1024`. */
  height?: number | null | undefined;
  /** What to avoid. `maxLength` 10000. Default: `""`. */
  neg?: string | null | undefined;
  /** Strength of the LoRA. `minimum` -2, `maximum` 2. Default: `1`. Sent as `network_multiplier`. */
  networkMultiplier?: number | null | undefined;
  /** How many images to make. `minimum` 1, `maximum` 4. Default: `1`. Sent as `num_frames`. */
  numFrames?: number | null | undefined;
  /** What to change in the picture. `minLength` 1, `maxLength` 10000. */
  prompt: string;
  /** Denoising steps; more take longer. `minimum` 1, `maximum` 150. Default: `25`. Sent as `sample_steps`. */
  sampleSteps?: number | null | undefined;
  /** Name of the sampler. `maxLength` 100. Default: `"flowmatch"`. */
  sampler?: string | null | undefined;
  /** The same seed and prompt give the same result; -1 takes a random seed. `minimum` -1. Default: `42`. */
  seed?: number | null | undefined;
  /** The word the LoRA was trained on; put in front of the prompt where it is missing. `maxLength` 200. Sent as `trigger_word`. */
  triggerWord?: string | null | undefined;
  /** Width in pixels, floored to a multiple of 32. `minimum` 64, `maximum` 4096. Default: `1024`. */
  width?: number | null | undefined;
};

export type SubmitMutationVariables = Exact<{
  input: WarmGlowInput;
  key: string;
}>;


export type SubmitMutation = { submitWarmGlow:
    | { __typename: 'DeploymentNotFoundError', message: string }
    | { __typename: 'IdempotencyConflictError', message: string }
    | { __typename: 'InvalidInputError', message: string, issues: Array<{ path: string, message: string }> }
    | { __typename: 'SubmitJobSuccess', job: { id: string }, warnings: Array<{ path: string, message: string }> }
    | { __typename: 'UpstreamError', retryable: boolean, message: string }
   };

export type WatchSubscriptionVariables = Exact<{
  id: string | number;
}>;


export type WatchSubscription = { jobUpdated: { status: JobStatus, queuePosition: number | null, isCancellable: boolean, estimate: { finishesAt: string, progress: number } | null, error: { message: string } | null, typedOutput:
      | { __typename: 'PaperLanternOutput' }
      | { __typename: 'SlowTideOutput' }
      | { __typename: 'WarmGlowOutput', images: Array<string> }
     | null } };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}

export const SubmitDocument = new TypedDocumentString(`
    mutation Submit($input: WarmGlowInput!, $key: String!) {
  submitWarmGlow(input: $input, idempotencyKey: $key) {
    __typename
    ... on SubmitJobSuccess {
      job {
        id
      }
      warnings {
        path
        message
      }
    }
    ... on InvalidInputError {
      issues {
        path
        message
      }
    }
    ... on UpstreamError {
      retryable
    }
    ... on Error {
      message
    }
  }
}
    `) as unknown as TypedDocumentString<SubmitMutation, SubmitMutationVariables>;
export const WatchDocument = new TypedDocumentString(`
    subscription Watch($id: ID!) {
  jobUpdated(id: $id) {
    status
    queuePosition
    estimate {
      finishesAt
      progress
    }
    isCancellable
    error {
      message
    }
    typedOutput {
      __typename
      ... on WarmGlowOutput {
        images
      }
    }
  }
}
    `) as unknown as TypedDocumentString<WatchSubscription, WatchSubscriptionVariables>;