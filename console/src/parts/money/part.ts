import type { Part } from "../../session/part";
import { later, OPENING } from "../../ui/later";
import { Watch } from "./watch";

export const part: Part = {
  screen: {
    path: "/spending",
    name: "Spending",
    letter: "s",
    Screen: later(async () => (await import("./screen")).Spending, OPENING),
    Watch,
  },
  scopes: [["operate", "see what everybody spends"]],
  hasPrices: true,
};
