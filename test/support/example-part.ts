import type { Builder } from "../../src/api/schema/builder.ts";
import { matching, optional, type SettingsOf } from "../../src/config/rules.ts";
import type { Part } from "../../src/part.ts";

const SETTINGS = {
  NOTICE: optional(
    matching(/^.{1,200}$/, "must be a line of at most 200 characters"),
    "no notice",
    "What `notice` shows everybody, such as when the gateway is upgraded.",
  ),
};

/** Shows what the operator has to say. */
export const part: Part<SettingsOf<typeof SETTINGS>> = {
  name: "notices",
  settings: SETTINGS,
  isOn: ({ NOTICE }) => NOTICE !== undefined,
  schema: async () => addNotice,
  async open(engine, { NOTICE = "" }) {
    engine.log.info({}, "The gateway shows a notice.");
    return { service: new Notice(NOTICE), close: async () => undefined };
  },
};

/** What resolvers find. */
class Notice {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

function addNotice(builder: Builder): void {
  builder.queryField("notice", (t) =>
    t.string({
      description: "What the operator says. Needs no scope.",
      resolve: (_root, _arguments, { parts }) => parts.find(Notice).text,
    }),
  );
}
