import { platform } from "./environment.ts";

/** The body of a call to a webhook. */
export type WebhookMessage =
  | {
      readonly type: "job.succeeded" | "job.failed" | "job.cancelled" | "job.kept";
      /** When it came up, in RFC 3339. */
      readonly timestamp: string;
      readonly data: { readonly job: WebhookJob };
    }
  | {
      readonly type: "webhook.disabled";
      readonly timestamp: string;
      /** Which other webhook of yours was disabled. */
      readonly data: { readonly webhook: { readonly id: string } };
    };

/** A job as it was when the call was made; `job(id)` has its input and output. */
export type WebhookJob = {
  readonly id: string;
  readonly status: "SUCCEEDED" | "FAILED" | "CANCELLED";
  readonly deploymentId: string;
  readonly tags: readonly string[];
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly retryable: boolean;
  } | null;
  /** In USD; null where RunComfy has not reported it. */
  readonly cost: number | null;
  readonly version: number;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** The first 20 files of its output. */
  readonly assets: readonly WebhookAsset[];
  /** How many there are. */
  readonly assetCount: number;
};

/** A file of an output. `url` works for 7 days, `keptUrl` for one to two. */
export type WebhookAsset = {
  readonly url: string;
  readonly kind: "IMAGE" | "VIDEO" | "AUDIO" | "OTHER";
  readonly keep: "NOT_KEPT" | "PENDING" | "KEPT" | "FAILED";
  readonly keptUrl: string | null;
  readonly contentType: string | null;
  readonly bytes: number | null;
  readonly width: number | null;
  readonly height: number | null;
};

/** A call must not be older, or from later, than this. */
const TOLERANCE_SECONDS = 300;
const SECRET = /^whsec_[A-Za-z\d+/]+={0,2}$/;

/**
 * Resolves with what a call says, once it is sure that the gateway made it, a few minutes ago at most. Rejects otherwise:
 * answer with 400 then. `body` is the text as it came, before anything parses it.
 *
 * @example
 * async function receive(request: Request): Promise<Response> {
 *   const body = await request.text();
 *   const message = await verifyWebhook({ body, headers: request.headers, secret });
 *   if (message.type === "job.succeeded") console.log(message.data.job.assets);
 *   return new Response(null, { status: 204 });
 * }
 */
export async function verifyWebhook({
  body,
  headers,
  secret,
}: {
  readonly body: string;
  /** As `Headers` or as Node has them. */
  readonly headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Undefined where the variable that has it is not set, which rejects. */
  readonly secret: string | undefined;
}): Promise<WebhookMessage> {
  if (secret === undefined || !SECRET.test(secret)) throw new Error(NO_SECRET);
  const read = (name: string): string =>
    String((headers instanceof Headers ? headers.get(name) : headers[name]) ?? "");
  const timestamp = read("webhook-timestamp");
  if (!/^\d{1,12}$/.test(timestamp)) throw new Error(UNSIGNED);
  if (Math.abs(platform.Date.now() / 1_000 - Number(timestamp)) > TOLERANCE_SECONDS)
    throw new Error(TOO_OLD);
  const bytes = new TextEncoder().encode(`${read("webhook-id")}.${timestamp}.${body}`);
  const key = await crypto.subtle.importKey(
    "raw",
    fromBase64(secret.replace("whsec_", "")),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["verify"],
  );
  for (const signature of read("webhook-signature").split(" ")) {
    const [version, text = ""] = signature.split(",");
    if (version !== "v1" || !/^[A-Za-z\d+/]{43}=$/.test(text)) continue;
    if (await crypto.subtle.verify("HMAC", key, fromBase64(text), bytes)) return JSON.parse(body);
  }
  throw new Error(UNSIGNED);
}

function fromBase64(text: string) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

const NO_SECRET =
  "There is no secret that starts with whsec_. Give this server the one that createWebhook, rotateWebhookSecret or viewer { webhookSecret } has shown.";
const UNSIGNED =
  "The call is not signed with this secret. Check that the secret is this webhook's, and that the body is the text as it came.";
const TOO_OLD =
  "The call was signed more than five minutes ago, or from now. Check the clock of this machine.";
