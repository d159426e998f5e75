import type { Part } from "../../session/part";
import { later, OPENING } from "../../ui/later";

export const part: Part = {
  screen: {
    path: "/agents",
    name: "Connect an agent",
    Screen: later(async () => (await import("./screen")).Agents, OPENING),
  },
};
