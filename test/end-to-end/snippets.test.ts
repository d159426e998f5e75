import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";

import sharp from "sharp";
import { Webhook } from "standardwebhooks";
import { expect, onTestFinished, test } from "vitest";

import { createSecret } from "../../src/parts/webhooks/webhook.ts";
import { SANDBOX, start as startGateway } from "../gateway/open-gateway.ts";
import { linkProject } from "../support/gateway-process.ts";
import { ask } from "../support/graphql-client.ts";
import { linkPackages } from "../support/link-packages.ts";
import { readBlocks, readPage, ROOT } from "../support/pages.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const run = promisify(execFile);

/** What was pasted, but for the gateway's port. */
function atPort(pasted: string, gateway: string): string {
  return pasted.replaceAll("127.0.0.1:4000", `127.0.0.1:${new URL(gateway).port}`);
}

async function findFreePort(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = Object(server.address());
  await new Promise((closed) => server.close(closed));
  return String(port);
}

/** Runs a job of the sandbox to its end, and gives its id. */
async function runJob(gateway: string): Promise<string> {
  const { submitPaperLantern } = await ask(
    gateway,
    `mutation { submitPaperLantern(input: { prompt: "A lantern" }, answerWithinSeconds: 20) {
      ... on SubmitJobSuccess { job { id status } }
    } }`,
  );
  expect(submitPaperLantern.job.status).toBe("SUCCEEDED");
  return submitPaperLantern.job.id;
}

async function untilKept(gateway: string, id: string): Promise<void> {
  const keeps = async () => (await ask(gateway, `{ job(id: "${id}") { assets { keep } } }`)).job;
  await expect.poll(keeps, { timeout: 10_000 }).toEqual({ assets: [{ keep: "KEPT" }] });
}

async function writeProgram(program: string, gateway: string): Promise<string> {
  const file = join(linkProject(), "first-job.mjs");
  await writeFile(file, atPort(program, gateway));
  return file;
}

async function runProgram(program: string, gateway: string) {
  return await run(process.execPath, [await writeProgram(program, gateway)]);
}

/** Starts what ends only when it is stopped, and gives what it has printed by now. */
function start(
  command: string,
  parameters: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
) {
  const child = spawn(command, parameters, { ...options, stdio: ["ignore", "pipe", "ignore"] });
  const exit = once(child, "exit");
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exit;
  };
  onTestFinished(kill);
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  return Object.assign(() => printed, { kill });
}

test("what the page for frontends says to paste watches a job to its end, or says why there is none", async () => {
  const { url } = await startGateway({ ...SANDBOX, SANDBOX_SPEED: "20" });
  const [submit = ""] = readBlocks("docs/frontend.md", "Submit", "js");
  const [watch = ""] = readBlocks("docs/frontend.md", "Watch a job", "js");
  const { stdout } = await runProgram(`${submit}${watch}`, url);
  expect(stdout).toMatch(/SubmitJobSuccess[^]*SUCCEEDED[^]*\.svg/);
  const unknown = `const data = { submitJob: { job: { id: "job_unknown" } } };\n${watch}`;
  await expect(runProgram(unknown, url)).rejects.toMatchObject({
    stderr: expect.stringContaining('You have no job "job_unknown"'),
  });
});

test("what the page for frontends says to paste uploads a picture, or says why it does not, for fields that are there", async () => {
  const { url } = await startGateway(SANDBOX);
  const [upload = ""] = readBlocks("docs/frontend.md", "Upload a picture", "js");
  const png = await sharp({ create: { width: 2, height: 2, channels: 3, background: "red" } })
    .png()
    .toBuffer();
  const call = (base64: string, type = "image/png") =>
    `await upload(new File([Buffer.from("${base64}", "base64")], "a.png", { type: "${type}" }))
      .then(console.log, (error) => console.log(error.message.replaceAll("\\n", " ")));`;
  const calls = [call(png.toString("base64")), call("AAAA"), call("AAAA", "text/plain")];
  const { stdout } = await runProgram(`${upload}${calls.join("\n")}`, url);
  const reported = stdout.trim().split("\n");
  expect(reported).toEqual([
    expect.stringMatching(/^upload:upl_/),
    expect.stringContaining("Choose another one"),
    expect.stringMatching(/contentType is no type of picture.*choose another file/),
  ]);
  const known = JSON.stringify(await ask(url, "{ deployments { inputFields { name } } }"));
  for (const page of ["docs/frontend.md", "docs/client.md"])
    for (const [named] of readPage(page).matchAll(/\bctrl_\w+/g))
      expect(known).toContain(`"${named}"`);
});

test("what the pages say to paste watches all jobs, over a socket and as an event stream", async () => {
  const { url: gateway } = await startGateway({ ...SANDBOX, SANDBOX_SPEED: "20" });
  const [feed = ""] = readBlocks("docs/feed.md", "Read it", "js");
  const [stream = ""] = readBlocks("docs/frontend.md", "Watch with an event stream", "sh");
  const overSocket = start(process.execPath, [await writeProgram(feed, gateway)]);
  // The shell makes way for curl, so that it is curl that is stopped.
  const asStream = start("sh", ["-c", `exec ${atPort(stream, gateway)}`]);
  await expect.poll(overSocket).toContain("Read the list");
  await expect.poll(asStream).toContain(":");
  const [submit = ""] = readBlocks("docs/frontend.md", "Submit", "js");
  await runProgram(submit, gateway);
  await expect.poll(overSocket).toMatch(/^job_\w+ SUCCEEDED$/m);
  await expect.poll(asStream).toMatch(/^event: next\ndata: .*"status":"SUCCEEDED"/m);
});

const ENDS = [
  {
    language: "js",
    command: process.execPath,
    file: "ended.mjs",
    isNoted: (folder: string, id: string) => existsSync(join(folder, "ended", id)),
    forgetPlace: (folder: string) => rm(join(folder, "cursor")),
  },
  {
    language: "python",
    command: "python3",
    file: "ended.py",
    isNoted(folder: string, id: string) {
      using database = new DatabaseSync(join(folder, "ended.db"));
      return database.prepare("select 1 from ended where job_id = ?").get(id) !== undefined;
    },
    async forgetPlace(folder: string) {
      using database = new DatabaseSync(join(folder, "ended.db"));
      database.exec("update feed set cursor = ''");
    },
  },
].filter(({ command }) => spawnSync(command, ["--version"]).status === 0);

test.each(ENDS)(
  "what the page on the feed says to paste in $language acts once when a job ends, also over a kill and a reset",
  async ({ language, command, file, isNoted, forgetPlace }) => {
    const { url: gateway } = await startGateway(SANDBOX);
    const [program = ""] = readBlocks("docs/feed.md", "Act once when a job ends", language);
    const folder = await createTemporaryFolder();
    await writeFile(join(folder, file), atPort(program, gateway));
    const run = () => start(command, [file], { cwd: folder });
    const end = () => runJob(gateway);
    const untilNoted = (id: string) => expect.poll(() => isNoted(folder, id)).toBe(true);

    const before = await end();
    const first = run();
    await expect.poll(first).toBe(`${before} SUCCEEDED\n`);
    const watched = await end();
    // Reported again with the outcome of its files, before the next one ends.
    await untilKept(gateway, watched);
    const next = await end();
    const reported = [before, watched, next].map((id) => `${id} SUCCEEDED\n`);
    await expect.poll(first).toBe(reported.join(""));
    await untilNoted(next);
    await first.kill();

    const missed = await end();
    const second = run();
    await expect.poll(second).toBe(`${missed} SUCCEEDED\n`);
    await untilNoted(missed);
    await second.kill();

    await forgetPlace(folder);
    const third = run();
    const last = await end();
    await expect.poll(third).toBe(`${last} SUCCEEDED\n`);
  },
);

test.each(ENDS)(
  "what the page on webhooks says to paste in $language takes each delivery once that the gateway has signed",
  async ({ language, command }) => {
    const folder = await createTemporaryFolder();
    await linkPackages(folder);
    const port = await findFreePort();
    const [program = ""] = readBlocks("docs/webhooks.md", "Receive", language);
    const file = join(folder, language === "js" ? "receiver.mjs" : "receiver.py");
    await writeFile(file, program.replace("8443", port));
    const secret = createSecret();
    const env = { ...process.env, WEBHOOK_SECRET: secret };
    const receiver = start(command, [file], { cwd: folder, env });
    const body = JSON.stringify({ type: "job.succeeded", timestamp: "", data: { job: {} } });
    const call = async (id: string, at = new Date(), by = secret) => {
      const signature = new Webhook(by).sign(id, at, body);
      const seconds = String(Math.floor(at.getTime() / 1_000));
      const headers = { "webhook-id": id, "webhook-timestamp": seconds };
      const response = await fetch(`http://127.0.0.1:${port}/`, {
        method: "POST",
        headers: { ...headers, "webhook-signature": `v1,AAAA ${signature}` },
        body,
      }).catch(() => null);
      return response?.status;
    };
    await expect.poll(() => call("msg_1")).toBe(204);
    expect(await call("msg_1")).toBe(204);
    expect(await call("msg_2", new Date(), createSecret())).toBe(400);
    expect(await call("msg_3", new Date(Date.now() - 600_000))).toBe(400);
    expect(await call("msg_4")).toBe(204);
    await expect.poll(() => receiver().match(/job\.succeeded/g)).toHaveLength(2);
  },
);

test("what the page on webhooks says to do on a machine of one's own has a job's end arrive there", async () => {
  const [begin = "", receive = ""] = readBlocks("docs/webhooks.md", "Try it on your machine", "sh");
  const WEBHOOKS_ALLOW = /^WEBHOOKS_ALLOW=(\S+) npm start$/m.exec(begin)?.[1] ?? "";
  const { url } = await startGateway({ ...SANDBOX, SANDBOX_SPEED: "20", WEBHOOKS_ALLOW });
  const folder = await createTemporaryFolder();
  await linkPackages(folder);
  const port = await findFreePort();
  const atPorts = (text: string) => atPort(text, url).replaceAll("8443", port);
  const [program = ""] = readBlocks("docs/webhooks.md", "Receive", "js");
  await writeFile(join(folder, "receiver.mjs"), atPorts(program));
  const script = atPorts(receive).replace("npx --no -- node", `exec ${process.execPath}`);
  const receiver = start("sh", ["-c", script], { cwd: folder });
  const isThere = () => fetch(`http://127.0.0.1:${port}/`, { method: "POST" }).then(Boolean);
  await expect.poll(() => isThere().catch(() => false)).toBe(true);
  await runJob(url);
  await expect.poll(receiver).toMatch(/job\.succeeded[^]*job\.kept/);
});

test("the TypeScript that README and the pages on credentials, webhooks and the client say to paste has no wrong types", async () => {
  const folder = await createTemporaryFolder();
  await linkPackages(folder);
  const steps = readBlocks("docs/auth.md", "Tokens for browsers, in five steps", "ts");
  const [route = ""] = readBlocks("docs/webhooks.md", "Receive", "ts");
  const files = [
    `${route}\ndeclare function saveOnce(id: string | null, message: object): Promise<void>;`,
    ...readBlocks("README.md", "From React", "tsx"),
    ...readBlocks("docs/client.md", "From React", "tsx"),
    ...readBlocks("docs/client.md", "Beside another client", "ts").slice(0, 1),
    ...steps,
  ];
  expect(files).toHaveLength(6);
  for (const [index, text] of files.entries())
    await writeFile(join(folder, `pasted-${index}.tsx`), text);
  const settings = {
    extends: join(ROOT, "examples/react/tsconfig.json"),
    compilerOptions: { types: ["node"] },
    include: [folder],
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(settings));
  const compiler = join(ROOT, "node_modules/typescript/lib/tsc.js");
  const { stdout } = await run(process.execPath, [compiler, "-p", folder]).catch(
    (failure: { readonly stdout: string }) => failure,
  );
  expect(stdout).toBe("");
});
