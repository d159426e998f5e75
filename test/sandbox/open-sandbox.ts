import { expect, onTestFinished } from "vitest";
import { z } from "zod";
import { startSandbox } from "runcomfy-sandbox";

export const START = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const DAY_MS = 24 * 60 * 60 * 1_000;
/** Longer than anything here waits or runs. */
const MINUTES_MS = 10 * 60_000;

/** A sandbox for one test, by a clock that only the test moves. By default it runs its own deployments. */
export async function openSandbox({
  now = START,
  ...options
}: Partial<Omit<Parameters<typeof startSandbox>[0], "now">> & { readonly now?: number } = {}) {
  const clock = { now };
  const sandbox = await startSandbox({
    ...{ port: 0, token: "sandbox", speed: 1, dataFolder: null, now: () => clock.now },
    ...options,
  });
  let closing: Promise<void> | undefined;
  const close = () => (closing ??= sandbox.close());
  onTestFinished(close);

  async function call(path: string, body?: unknown) {
    const headers = { authorization: "Bearer sandbox" };
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const posted = body === undefined ? {} : { method: "POST", body: text };
    const response = await fetch(`${sandbox.url}${path}`, { headers, ...posted });
    const answer: unknown = await response.json();
    return { status: response.status, answer };
  }
  const submit = (id: string, body: unknown) => call(`/prod/v1/deployments/${id}/inference`, body);
  async function accept(id: string, body: unknown): Promise<Accepted> {
    const { status, answer } = await submit(id, body);
    expect({ status, answer }).toMatchObject({ status: 200 });
    return { deployment: id, id: ACCEPTED.parse(answer).request_id };
  }
  const toPath = ({ deployment, id }: Accepted, verb: string) =>
    `/prod/v1/deployments/${deployment}/requests/${id}/${verb}`;
  const poll = async (request: Accepted, verb: "status" | "result" = "status") =>
    (await call(toPath(request, verb))).answer;

  /** When a request leaves the queue and when it ends, found by polls at other times. */
  async function findTimes(request: Accepted) {
    const { now: asked } = clock;
    clock.now = asked + MINUTES_MS;
    const { finished_at: finishedAt } = FINISHED.parse(await poll(request, "result"));
    const finishAt = Date.parse(`${finishedAt}Z`);
    let [before, after] = [START, finishAt];
    while (after - before > 1) {
      clock.now = Math.floor((before + after) / 2);
      const { status } = STATUS.parse(await poll(request));
      if (status === "in_queue") before = clock.now;
      else after = clock.now;
    }
    clock.now = asked;
    return { startAt: after, finishAt };
  }

  return {
    ...sandbox,
    close,
    clock,
    call,
    submit,
    accept,
    poll,
    findTimes,
    cancel: async (request: Accepted) => (await call(toPath(request, "cancel"), "")).answer,
    /** The kinds of the problems of a refused body by their paths, as JSON; empty for an accepted one. */
    async refuse(id: string, body: unknown) {
      const { status, answer } = await submit(id, body);
      if (status === 200) return {};
      const { detail } = REFUSED.parse(answer);
      return Object.fromEntries(detail.map(({ loc, type }) => [JSON.stringify(loc), type]));
    },
    /** The files of the result of a body, once it has run, and the first picture as it was drawn. */
    async run(id: string, body: unknown) {
      const request = await accept(id, body);
      clock.now += DAY_MS;
      const { output } = SUCCEEDED.parse(await poll(request, "result"));
      const [media = "", addresses = []] = Object.entries(output)[0] ?? [];
      const picture = await (await fetch(addresses[0] ?? "")).text();
      const [, width, height] = /^<svg [^>]*width="(\d+)" height="(\d+)"/.exec(picture) ?? [];
      return { media, addresses, picture, size: [Number(width), Number(height)] };
    },
  };
}

type Accepted = { readonly deployment: string; readonly id: string };

const ACCEPTED = z.object({ request_id: z.uuid() });
const STATUS = z.object({ status: z.string() });
const FINISHED = z.object({ finished_at: z.string() });
const REFUSED = z.object({
  detail: z.array(z.object({ loc: z.array(z.union([z.string(), z.number()])), type: z.string() })),
});
const SUCCEEDED = z.object({
  status: z.literal("succeeded"),
  output: z.record(z.string(), z.array(z.string())),
});
