import { findAssets } from "../../src/engine/job/asset.ts";
import { isIdentifier } from "../../src/engine/job/job.ts";
import { isJsonObject, type JsonValue } from "../../src/engine/job/json.ts";
import type { Kind } from "../../src/engine/runcomfy/kinds/kind.ts";
import type { StatusReport } from "../../src/engine/runcomfy/wire.ts";

const STATES = new Map<unknown, StatusReport["state"]>([
  ["waiting for the singer", "queued"],
  ["singing", "running"],
  ["sung", "finished"],
  ["silenced", "cancelled"],
]);

/** A kind of job that RunComfy does not have, with ids, paths, words and an entry of its own. */
export const VOICE: Kind = {
  name: "voice",
  description: "A voice.",
  noun: "voice",
  adapter: {
    service: "deployments",
    takesWebhook: false,
    isId,
    toSubmitPath: ({ deploymentId }) =>
      isId(deploymentId) ? `v3/voices/${deploymentId.slice("voice:".length)}` : null,
    toRequestPath: ({ requestId }, call) =>
      isIdentifier(requestId) ? `v3/songs/${requestId}/${call}` : null,
    readStatus(body) {
      const state = STATES.get(read(body, "phase"));
      return state === undefined ? null : { state, queuePosition: null, word: state };
    },
    readResult(body) {
      const song = read(body, "song");
      if (song !== null) return { kind: "succeeded", output: { song }, finishedAt: null };
      return read(body, "phase") === "silenced" ? { kind: "cancelled", finishedAt: null } : null;
    },
    readCancel: (body) => (read(body, "phase") === "silenced" ? "cancelled" : null),
    errors: {
      codes: new Map([[7, "INSUFFICIENT_FUNDS"]]),
      notTheOwner: new Set(),
      badInput: new Set([422]),
    },
    findAssets,
  },
  entry: ({ form, text }) =>
    form({
      id: text.refine(isId, "must be a voice's id"),
      members: { singer: text },
      read: ({ singer }) => ({
        inputSchema: null,
        toBody: ({ prompt = null, ...input }) => ({ ...input, singer, text: prompt }),
      }),
    }),
  seeds: { least: 5, most: 5 },
  foreign: { names: ["picture"], message: "can't be sung; leave it out" },
  mark: null,
  verify: { option: "voice", help: "a voice", usual: { prompt: "" } },
};

function isId(value: unknown): value is string {
  return typeof value === "string" && /^voice:[a-z]+$/.test(value);
}

function read(body: JsonValue, name: string): JsonValue {
  return isJsonObject(body) ? (body[name] ?? null) : null;
}
