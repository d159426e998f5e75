import { expect, onTestFinished } from "vitest";
import { z } from "zod";
import { startSandbox } from "runcomfy-sandbox";

const DAY_MS = 24 * 60 * 60 * 1_000;

/** Runs these deployments; a later one of the same folder goes on where this one is. */
export async function startWith(deployments: readonly unknown[], dataFolder: string | null = null) {
  const clock = { now: Date.UTC(2026, 0, 2) };
  const options = { port: 0, token: "sandbox", speed: 1, dataFolder, now: () => clock.now };
  const sandbox = await startSandbox({ ...options, deployments });
  let isOpen = true;
  const close = async () => {
    if (isOpen) await sandbox.close();
    isOpen = false;
  };
  onTestFinished(close);

  async function call(path: string, body?: unknown) {
    const headers = { authorization: "Bearer sandbox", connection: "close" };
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const posted = body === undefined ? {} : { method: "POST", body: text };
    const response = await fetch(`${sandbox.url}${path}`, { headers, ...posted });
    const answer: unknown = await response.json();
    return { status: response.status, answer };
  }
  const submit = (id: string, body: unknown) => call(`/prod/v1/deployments/${id}/inference`, body);
  const accept = async (id: string, body: unknown) => {
    const { status, answer } = await submit(id, body);
    expect({ status, answer }).toMatchObject({ status: 200 });
    return ACCEPTED.parse(answer).request_id;
  };
  return {
    url: sandbox.url,
    close,
    call,
    accept,
    /** The kinds of the problems of a refused body by their places, as JSON; empty for an accepted one. */
    async refuse(id: string, body: unknown) {
      const { status, answer } = await submit(id, body);
      if (status === 200) return {};
      const { detail } = REFUSED.parse(answer);
      return Object.fromEntries(detail.map(({ loc, type }) => [JSON.stringify(loc), type]));
    },
    /** The files of the result of a body, once it has run. */
    async run(id: string, body: unknown) {
      const request = await accept(id, body);
      clock.now += DAY_MS;
      const { answer } = await call(`/prod/v1/deployments/${id}/requests/${request}/result`);
      return SUCCEEDED.parse(answer).output;
    },
  };
}

const ACCEPTED = z.object({ request_id: z.string() });
const REFUSED = z.object({
  detail: z.array(z.object({ loc: z.array(z.union([z.string(), z.number()])), type: z.string() })),
});
const SUCCEEDED = z.object({
  status: z.literal("succeeded"),
  output: z.record(z.string(), z.array(z.string())),
});

/** The size of the first of these pictures, in pixels. */
export async function measure([address = ""]: readonly string[]) {
  const response = await fetch(address);
  const [, width, height] =
    /^<svg [^>]*width="(\d+)" height="(\d+)"/.exec(await response.text()) ?? [];
  return { width: Number(width), height: Number(height) };
}
