import { InvalidError } from "../../engine/job/errors.ts";
import type { InputIssue } from "../../engine/job/input.ts";
import { CodedError } from "../../runtime/coded-error.ts";

/** A webhook can't be made or changed as it was asked for. */
export class InvalidWebhookError extends InvalidError {
  constructor(issues: readonly InputIssue[]) {
    super(issues, "Correct the marked values, then save the webhook again.");
  }
}

/** The owner has no webhook, or no delivery to one, with this id. */
export class WebhookNotFoundError extends CodedError {
  constructor(what: "webhook" | "delivery", id: string) {
    super(
      "NOT_FOUND",
      `You have no ${what} ${JSON.stringify(id.slice(0, 200))}. It may have been deleted; choose one from your webhooks.`,
    );
  }
}

/** Nothing is sent to the owner's webhook with this id. */
export class WebhookDisabledError extends CodedError {
  constructor(id: string) {
    super(
      "BAD_USER_INPUT",
      `The delivery's webhook is disabled: see its \`disabledReason\`, enable it with updateWebhook(id: ${JSON.stringify(id)}, isEnabled: true), then send the delivery again if it does not come by itself.`,
    );
  }
}
