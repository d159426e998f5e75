import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { promisify } from "node:util";

import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { expect, onTestFinished, test } from "vitest";

import { createApiKeysFile } from "../../auth/api-keys-file.ts";
import { start } from "../../gateway/open-gateway.ts";
import { linkProject } from "../../support/gateway-process.ts";
import { listen } from "../../support/listen.ts";
import { read } from "./connect.ts";

/** The official client of a command that speaks on standard input and output. */
async function connect(
  parameters: readonly string[],
  { env = {}, isOld = false }: { readonly env?: Record<string, string>; readonly isOld?: boolean },
) {
  const client = new Client(
    { name: "test-client", version: "1.2.3" },
    { versionNegotiation: { mode: isOld ? "legacy" : { pin: "2026-07-28" } } },
  );
  const args = ["src/connect-mcp.ts", ...parameters];
  const cwd = linkProject();
  await client.connect(
    new StdioClientTransport({ command: process.execPath, args, cwd, env, stderr: "inherit" }),
  );
  onTestFinished(() => client.close());
  return client;
}

test.each([false, true])(
  "the command passes messages on to a gateway, with a key, for old clients (%s) too",
  async (isOld) => {
    const keys = await createApiKeysFile();
    const key = await keys.create("web");
    const { url, upstream } = await start({ AUTH: "api-keys", API_KEYS_FILE: keys.file });
    upstream.script("queued", ["in_queue"]);
    const client = await connect(["--url", url], { env: { RUNCOMFY_GATEWAY_KEY: key }, isOld });
    const call = { name: "submit_job", arguments: { deployment_id: "queued", input: {} } };
    const { id } = read(await client.callTool(call)).job;
    const leaving = new AbortController();
    const wait = { name: "wait_for_job", arguments: { id } };
    const reported = Promise.withResolvers<number>();
    const waiting = client.callTool(wait, {
      signal: leaving.signal,
      onprogress: ({ progress }) => reported.resolve(progress),
    });
    expect(await reported.promise).toBeLessThan(1);
    leaving.abort();
    await expect(waiting).rejects.toThrow();
    const { contents } = await client.readResource({ uri: `job://${id}` });
    expect(contents[0]).toMatchObject({ text: expect.stringContaining("IN_QUEUE") });
  },
);

test("a gateway that refuses the key, or is away, is reported in words with the next step", async () => {
  const keys = await createApiKeysFile();
  await keys.create("web");
  const { url } = await start({ AUTH: "api-keys", API_KEYS_FILE: keys.file });
  await expect(connect(["--url", url], { isOld: true })).rejects.toThrow(/credential/);
  const away = connect(["--url", "http://127.0.0.1:1"], { isOld: true });
  await expect(away).rejects.toThrow("The gateway can't be reached. Start it, or correct --url.");
});

test("a path of the address is kept, and a key that no header can hold is refused at the start", async () => {
  const paths: unknown[] = [];
  const { origin } = await listen(
    createServer((request, response) => {
      paths.push(request.url);
      response.writeHead(404).end();
    }),
  );
  for (const path of ["", "/mcp/", "/of/team"])
    await expect(connect(["--url", `${origin}${path}`], { isOld: true })).rejects.toThrow("404");
  expect([...new Set(paths)]).toEqual(["/mcp", "/of/team/mcp"]);
  const env = { ...process.env, RUNCOMFY_GATEWAY_KEY: "rck_…" };
  const parameters = ["src/connect-mcp.ts", "--url", origin];
  const refused = promisify(execFile)(process.execPath, parameters, { cwd: linkProject(), env });
  await expect(refused).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^RUNCOMFY_GATEWAY_KEY is no key/),
  });
});

test("without a gateway it runs the sandbox by itself", async () => {
  const client = await connect([], {});
  const call = { name: "submit_flux2_flash", arguments: { input: { prompt: "A lamp" } } };
  const { id } = read(await client.callTool(call)).job;
  const { job } = read(await client.callTool({ name: "wait_for_job", arguments: { id } }));
  expect(job).toMatchObject({ status: "SUCCEEDED", assets: [{ kind: "IMAGE" }] });
});
