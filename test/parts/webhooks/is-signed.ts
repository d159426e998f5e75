import { Webhook, WebhookVerificationError } from "standardwebhooks";

import type { Call } from "../../support/receiver.ts";

/** Whether a call is signed by this secret, as the specification's own library sees it. */
export function isSigned({ headers, body }: Call, secret: string): boolean {
  const texts = Object.entries(headers).map(([name, value]) => [name, String(value)]);
  try {
    new Webhook(secret).verify(body, Object.fromEntries(texts));
    return true;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return false;
    throw error;
  }
}
