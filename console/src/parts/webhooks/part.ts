import type { Part } from "../../session/part";
import { later, OPENING } from "../../ui/later";
import { mayWebhooks, Watch } from "./watch";

export const part: Part = {
  screen: {
    path: "/webhooks",
    name: "Webhooks",
    letter: "w",
    Screen: later(async () => (await import("./screen")).Webhooks, OPENING),
    isFor: mayWebhooks,
    Watch,
  },
  scopes: [["webhooks", "make webhooks"]],
};
