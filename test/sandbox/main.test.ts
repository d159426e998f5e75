import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import file from "../../sandbox/src/deployments.json" with { type: "json" };

const MAIN = new URL("../../sandbox/src/main.ts", import.meta.url).pathname;
const HEADERS = { authorization: "Bearer sandbox", connection: "close" };

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), "sandbox-"))));
afterEach(() => rm(folder, { recursive: true }));

function run(environment: Readonly<Record<string, string>>, ...parameters: readonly string[]) {
  const env = { ...process.env, SANDBOX_PORT: "0", SANDBOX_DATA: folder, ...environment };
  return spawn(process.execPath, [MAIN, ...parameters], { env, stdio: ["ignore", "pipe", "pipe"] });
}

/** The address that the program prints once it listens. */
async function readUrl(program: ReturnType<typeof run>): Promise<string> {
  let printed = "";
  for await (const chunk of program.stdout.iterator({ destroyOnReturn: false })) {
    printed += String(chunk);
    const url = /RUNCOMFY_MODEL_URL=(\S+) RUNCOMFY_API_TOKEN=sandbox/.exec(printed)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error(`The program ended and printed: ${printed}`);
}

test("keeps an accepted request through a kill -9, and ends with 0 on SIGTERM", async () => {
  const first = run({ SANDBOX_SPEED: "0.01" });
  const requests = `/prod/v1/deployments/${file.deployments[1]?.id}`;
  const answer = await fetch(`${await readUrl(first)}${requests}/inference`, {
    method: "POST",
    headers: HEADERS,
    body: JSON.stringify({ prompt: "A lantern" }),
  });
  const { request_id: id } = z.object({ request_id: z.string() }).parse(await answer.json());
  first.kill("SIGKILL");
  await once(first, "exit");

  const second = run({});
  const poll = `${await readUrl(second)}${requests}/requests/${id}/status`;
  const status: unknown = await (await fetch(poll, { headers: HEADERS })).json();
  expect(status).toMatchObject({ status: "in_queue", queue_position: 0 });
  second.kill("SIGTERM");
  expect(await once(second, "exit")).toEqual([0, null]);
});

test("takes options before variables, among them faults and a file of deployments", async () => {
  const path = join(folder, "deployments.json");
  await writeFile(path, '{"deployments":[{"id":"own","name":"My own"}]}');
  const faults = ["--fault", "rate-limited-429:list*1", "--fault", "error-500:list*1"];
  const program = run(
    { SANDBOX_SPEED: "fast", SANDBOX_DEPLOYMENTS: path },
    ...["--speed", "20", ...faults],
  );
  const url = `${await readUrl(program)}/prod/v2/deployments`;
  const list = () => fetch(url, { headers: HEADERS });
  const limited = await list();
  expect([limited.status, limited.headers.get("retry-after")]).toEqual([429, "3"]);
  expect((await list()).status).toBe(500);
  expect(await (await list()).json()).toMatchObject([
    { id: "own", name: "My own" },
    { name: "Harbour Workflow" },
  ]);
  program.kill("SIGTERM");
  await once(program, "exit");
});

test("says what is wrong with its settings and ends with 1", async () => {
  const complain = async (wrong: Readonly<Record<string, string>>) => {
    const program = run(wrong);
    const [complaint, [code]] = await Promise.all([text(program.stderr), once(program, "exit")]);
    return [code, complaint];
  };
  expect(
    await Promise.all([
      complain({ SANDBOX_PORT: "65536", SANDBOX_SPEED: "fast" }),
      complain({ SANDBOX_DEPLOYMENTS: "missing.json" }),
    ]),
  ).toEqual([
    [1, expect.stringMatching(/port[^]*speed[^]*npx --no -- runcomfy-sandbox/)],
    [1, expect.stringMatching(/missing\.json.*ENOENT/)],
  ]);
});
