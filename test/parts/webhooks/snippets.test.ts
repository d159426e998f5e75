import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";

import { createSecret } from "../../../src/parts/webhooks/webhook.ts";
import { atPort, checkTypes, findFreePort, runJob, start } from "../../end-to-end/pasted.ts";
import { SANDBOX, start as startGateway } from "../../gateway/open-gateway.ts";
import { linkPackages } from "../../support/link-packages.ts";
import { readBlocks } from "../../support/pages.ts";
import { createTemporaryFolder } from "../../support/temporary-folder.ts";

const RECEIVERS = [
  { language: "js", command: process.execPath, file: "receiver.mjs" },
  { language: "python", command: "python3", file: "receiver.py" },
].filter(({ command }) => spawnSync(command, ["--version"]).status === 0);

test.each(RECEIVERS)(
  "what the page says to paste in $language takes each delivery once that the gateway has signed",
  async ({ language, command, file: name }) => {
    const folder = await createTemporaryFolder();
    await linkPackages(folder);
    const port = await findFreePort();
    const [program = ""] = readBlocks("docs/webhooks.md", "Receive", language);
    const file = join(folder, name);
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

test("what the page says to do on a machine of one's own has a job's end arrive there", async () => {
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

test("the TypeScript that the page says to paste has no wrong types", async () => {
  const [route = ""] = readBlocks("docs/webhooks.md", "Receive", "ts");
  const saveOnce = "declare function saveOnce(id: string | null, message: object): Promise<void>;";
  expect(route).toContain("saveOnce(");
  expect(await checkTypes([`${route}\n${saveOnce}`])).toBe("");
});
