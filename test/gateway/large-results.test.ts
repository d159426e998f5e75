import { expect, onTestFinished, test } from "vitest";

import { openGateway } from "./open-gateway.ts";

const FILE = "https://files.runcomfy.net/a.png";
const LONG = `${FILE}?${"secret".repeat(1_000)}`;

test.each([
  ["small", 1],
  ["large", 300_000],
])(
  "a %s result has its files, but for URLs that are too long, which stay in the output and are logged as so many",
  async (_size, count) => {
    const gateway = await openGateway();
    onTestFinished(() => gateway.close());
    const { upstream } = gateway;
    upstream.script("d", ["in_progress"]);
    const submitted = await gateway.ask(
      'mutation { submitJob(deploymentId: "d", input: {}) { ... on SubmitJobSuccess { job { id } } } }',
    );
    const id = /job_[0-9a-f]+/.exec(JSON.stringify(submitted))?.[0];
    const output = { images: [FILE, LONG, LONG], values: Array.from({ length: count }, () => 1) };
    await upstream.whenRequested("status", 1);
    upstream.finish(upstream.requests.at(-1)?.requestId ?? "", { output });
    const read = () => gateway.ask(`{ job(id: "${id}") { status output assets { url path } } }`);
    await expect.poll(read).toEqual({
      job: { status: "SUCCEEDED", output, assets: [{ url: FILE, path: "images[0]" }] },
    });
    const logged = gateway.lines.filter((line) => line.includes("longUrls"));
    expect(logged.map((line) => JSON.parse(line))).toMatchObject([{ jobId: id, longUrls: 2 }]);
    expect(gateway.lines.join("")).not.toContain("secretsecret");
  },
);
