import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { beforeAll, expect, onTestFinished, test } from "vitest";

import { runGateway } from "../support/gateway-process.ts";
import { ask } from "../support/graphql-client.ts";
import { listenOnLoopback } from "../support/listen-on-loopback.ts";
import { copyProgram } from "../support/spawn-gateway.ts";
import { VOICE } from "../support/voice-kind.ts";

const SONG = "https://songs.example/1.mp3";
const JOB = "id status kind input output assets { url kind } deployment { kind }";
/** What a start from sources, with a thousand modules, may take on a busy machine. */
const START_MS = 60_000;

/** The program with one more folder, and its line in the list. */
let folder: string;

beforeAll(() => {
  folder = copyProgram();
  const kinds = join(folder, "src/engine/runcomfy/kinds");
  const source = readFileSync(join(import.meta.dirname, "../support/voice-kind.ts"), "utf8");
  mkdirSync(join(kinds, VOICE.name));
  writeFileSync(
    join(kinds, VOICE.name, "kind.ts"),
    source
      .replaceAll("../../src/engine/runcomfy/kinds/", "../")
      .replaceAll("../../src/engine/runcomfy/", "../../")
      .replaceAll("../../src/engine/", "../../../"),
  );
  const list = readFileSync(join(kinds, "kinds.ts"), "utf8");
  const longer = list.replace(/(?=\];\n)/, ", VOICE");
  writeFileSync(
    join(kinds, "kinds.ts"),
    `import { VOICE } from "./${VOICE.name}/kind.ts";\n${longer}`,
  );
  return () => rmSync(folder, { recursive: true, force: true });
});

/** A gateway of it that runs one voice, and what RunComfy was asked for. */
async function open(entry: object) {
  const requests: { readonly path: string; readonly body: string }[] = [];
  const phases = new Map([["first", ["waiting for the singer", "singing", "sung"]]]);
  const server = createServer(async (request, response) => {
    const path = `${request.method} ${request.url}`;
    requests.push({ path, body: await text(request) });
    const [, id = "", call] = /songs\/(\w+)\/(\w+)/.exec(path) ?? [];
    if (call === "cancel") phases.set(id, ["silenced"]);
    const [phase = "waiting for the singer", ...later] = phases.get(id) ?? [];
    if (call === "status" && later.length > 0) phases.set(id, later);
    const posts = requests.filter((one) => one.path.includes("/v3/voices/")).length;
    const answers = new Map<string | undefined, object>([
      ["status", { request_id: id, phase }],
      ["cancel", { request_id: id, phase }],
      ["result", { request_id: id, ...(phase === "sung" ? { song: SONG } : { phase }) }],
    ]);
    const isSubmit = path.startsWith("POST /v3/voices/");
    const submitted = { request_id: posts === 1 ? "first" : "second" };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(isSubmit ? submitted : (answers.get(call) ?? [])));
  });
  const port = await listenOnLoopback(server);
  onTestFinished(() => void server.close());
  const deploymentsFile = join(folder, "deployments.json");
  writeFileSync(deploymentsFile, JSON.stringify({ deployments: [entry] }));
  const gateway = runGateway(
    {
      RUNCOMFY_BASE_URL: `http://127.0.0.1:${port}`,
      RUNCOMFY_API_TOKEN: "token",
      DEPLOYMENTS_FILE: deploymentsFile,
      DATABASE_URL: ":memory:",
      KEEP_OUTPUTS: "false",
    },
    { folder },
  );
  return { gateway, requests };
}

const ANNA = { id: "voice:anna", kind: VOICE.name, name: "Anna", singer: "Anna" };

test(
  "a fourth kind of job is a folder and its line: its entry, input, seed, paths and words are its own",
  async () => {
    const { gateway, requests } = await open(ANNA);
    const url = await gateway.url;
    const submit = async (input: object) => {
      const mutation = `mutation ($input: JSON!) { submitJob(deploymentId: "voice:anna", input: $input) {
      ... on SubmitJobSuccess { job { ${JOB} } }
      ... on InvalidInputError { issues { path message } } } }`;
      return (await ask(url, mutation, { variables: { input } })).submitJob;
    };
    const read = async (id: string) => (await ask(url, `{ job(id: "${id}") { ${JOB} } }`)).job;

    const { deployments, kinds } = await ask(
      url,
      `{ deployments { id kind } kinds: __type(name: "DeploymentKind") { enumValues { name } } }`,
    );
    expect(deployments).toEqual([{ id: "voice:anna", kind: "VOICE" }]);
    expect(kinds.enumValues).toContainEqual({ name: "VOICE" });
    expect(await submit({ prompt: "la", picture: "a" })).toEqual({
      issues: [{ path: "picture", message: "can't be sung; leave it out" }],
    });

    const { job } = await submit({ prompt: "la", seed: -1 });
    expect(job).toMatchObject({ kind: "VOICE", input: { prompt: "la", seed: 5 } });
    const posted = requests.filter(({ path }) => path.startsWith("POST"));
    expect(posted.map(({ path, body }) => [path, JSON.parse(body)])).toEqual([
      ["POST /v3/voices/anna", { singer: "Anna", text: "la", seed: 5 }],
    ]);
    await expect
      .poll(() => read(job.id), { timeout: START_MS })
      .toMatchObject({
        status: "SUCCEEDED",
        output: { song: SONG },
        assets: [{ url: SONG, kind: "AUDIO" }],
        deployment: { kind: "VOICE" },
      });

    const { job: another } = await submit({ prompt: "lo" });
    await ask(url, `mutation { cancelJob(id: "${another.id}") { __typename } }`);
    expect(await read(another.id)).toMatchObject({ status: "CANCELLED" });
    expect(requests.filter(({ path }) => path.includes("/second/cancel"))).toHaveLength(1);
  },
  START_MS,
);

test(
  "what an entry of it lacks is a problem of the file, and so is a member of another kind",
  async () => {
    const { gateway } = await open({ ...ANNA, singer: undefined, inputs: {} });
    await gateway.exit;
    const output = gateway.stdout() + gateway.stderr();
    expect(output).toContain("deployments[0].singer: is missing; it is required");
    expect(output).toContain("deployments[0].inputs: says nothing of the kind voice");
  },
  START_MS,
);
