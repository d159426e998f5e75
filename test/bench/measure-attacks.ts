import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { EXPLODING_DOCUMENTS } from "../attacks/exploding-documents.ts";
import { BAD_FRAMES, BAD_MESSAGES, text } from "../attacks/hostile-frames.ts";
import { AMBIGUOUS, BODIES, toRequest, UNUSUAL } from "../attacks/hostile-requests.ts";
import { openSilently } from "../attacks/open-silently.ts";
import { openRawWebSocket } from "../attacks/raw-web-socket.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { exchange } from "../support/raw-socket.ts";
import { startGatewayProgram } from "./child-program.ts";
import { createKey } from "./create-key.ts";
import type { Figure } from "./figure.ts";
import { toFigure } from "./figure.ts";
import { startQuietClient } from "./quiet-client.ts";

const WINDOWS = 6;
const SAMPLES = 60;
/** Between two attacks: what counts is what one of them costs, not how fast this machine sends them. */
const PAUSE_MS = 10;
const AT_ONCE = 8;
const SILENT = 10_000;
const PAGE =
  '{"query":"{ jobs(first: 100) { totalCount edges { node { id input history { at } } } } }"}';

/** What a client that asks little feels of attacks: the mean of its times between them, and beside each kind. */
export async function measureAttacks(upstream: FaultyUpstream, folder: string): Promise<Figure[]> {
  const keys = join(folder, "attacked-keys.json");
  const quiet = { authorization: `Bearer ${await createKey(keys, "quiet")}` };
  const greedy = { authorization: `Bearer ${await createKey(keys, "greedy")}` };
  await using open = await start("open", {});
  await using keyed = await start("keyed", {
    AUTH: "api-keys",
    API_KEYS_FILE: keys,
    REQUESTS_PER_SECOND: "300",
  });
  const port = Number(new URL(open.url).port);
  const kinds = {
    "hostile requests": [
      ...[...AMBIGUOUS, ...UNUSUAL].map(([, bytes]) => bytes),
      ...BODIES.map(([, body]) => toRequest(body)),
    ].map((bytes) => () => exchange(port, bytes)),
    "exploding documents": EXPLODING_DOCUMENTS.map(({ query, variables = "{}" }) => {
      const body = `{"query":${JSON.stringify(query)},"variables":${variables}}`;
      return () => ask(open.url, body);
    }),
    "frames that break the protocol": [
      ...BAD_FRAMES.map(([, , frames]) => frames),
      ...BAD_MESSAGES.map(([, , , texts]) => texts.map(text)),
    ].map((frames) => async () => {
      const client = await openRawWebSocket(port);
      client.send(...frames);
      client.socket.end();
      await client.closed;
    }),
  };
  const figures: Figure[] = [];
  for (const [name, attacks] of Object.entries(kinds))
    figures.push(...(await measureBeside(name, open.url, {}, attacks)));
  const flood = () =>
    Promise.all(Array.from({ length: AT_ONCE }, () => ask(keyed.url, PAGE, greedy)));
  figures.push(...(await measureBeside("an owner past its limit", keyed.url, quiet, [flood])));
  return [...figures, ...(await measureSilent(open.url, port))];

  async function start(name: string, environment: Readonly<Record<string, string>>) {
    const databaseUrl = `file:${folder}/attacked-${name}.db`;
    return await startGatewayProgram(upstream, {
      DATABASE_URL: databaseUrl,
      REQUEST_TIMEOUT_SECONDS: "60",
      IDLE_TIMEOUT_SECONDS: "60",
      ...environment,
    });
  }
}

/** Windows with and without take turns, so that both meet what else the machine does. */
async function measureBeside(
  name: string,
  url: string,
  headers: Readonly<Record<string, string>>,
  attacks: readonly (() => Promise<unknown>)[],
): Promise<Figure[]> {
  await using client = await startQuietClient(url, headers);
  const alone: number[] = [];
  const attacked: number[] = [];
  let next = 0;
  for (let window = 0; window < WINDOWS; window += 1) {
    alone.push(...(await client.measureMs(SAMPLES)));
    const state = { isOver: false };
    const attacking = (async () => {
      while (!state.isOver) {
        await attacks[next++ % attacks.length]?.();
        await sleep(PAUSE_MS);
      }
    })();
    attacked.push(...(await client.measureMs(SAMPLES)));
    state.isOver = true;
    await attacking;
  }
  const base = toFigure("a small question alone, mean", toMean(alone), "ms");
  return [base, toFigure(`beside ${name}`, toMean(attacked), "ms", base)];
}

async function measureSilent(url: string, port: number): Promise<Figure[]> {
  await using client = await startQuietClient(url);
  const base = toFigure(
    "a small question alone, mean",
    toMean(await client.measureMs(WINDOWS * SAMPLES)),
    "ms",
  );
  const { open, close } = await openSilently(port, SILENT, "");
  const times = await client.measureMs(WINDOWS * SAMPLES);
  close();
  return [base, toFigure(`beside ${open} silent connections`, toMean(times), "ms", base)];
}

async function ask(url: string, body: string, headers: Readonly<Record<string, string>> = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });
  await response.text();
}

function toMean(times: readonly number[]): number {
  return times.reduce((sum, time) => sum + time, 0) / times.length;
}
