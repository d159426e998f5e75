import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { SignJWT } from "jose";

import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import { startGatewayProgram } from "./child-program.ts";
import { createKey } from "./create-key.ts";
import { FINISHED, storeFinishedJob } from "./example-job.ts";
import type { Figure } from "./figure.ts";
import { median, toFigure } from "./figure.ts";
import { openClient } from "./http-client.ts";

const WARM_UP_ROUNDS = 3;
const ROUNDS = 15;
const REQUESTS = 600;
const CONNECTIONS = 16;
const ISSUER = "https://issuer.example.com/";
const AUDIENCE = "runcomfy-graphql";
/** Nobody is refused here, but each request is counted. */
const UNREACHED = "1000000";

const BODY = JSON.stringify({
  query:
    "query ($id: ID!) { job(id: $id) { id status queuePosition version isFinished createdAt updatedAt deployment { id name } } }",
  variables: { id: FINISHED.job.id },
});

type Credential = {
  readonly url: string;
  readonly headers: Record<string, string>;
  /** Of 1,000 requests, a round each. */
  readonly durations: number[];
};

/** What it costs to ask who comes in, and how often: three gateways, each a process, asked in turns. */
export async function measureCredentials(
  upstream: FaultyUpstream,
  folder: string,
): Promise<Figure[]> {
  const key = await createKey(join(folder, "api-keys.json"), "web");
  const jwt = await createJwt(join(folder, "public-key.pem"));
  await using open = await start("none", {});
  await using keys = await start("api-keys", { API_KEYS_FILE: join(folder, "api-keys.json") });
  await using jwts = await start("jwt", {
    JWT_PUBLIC_KEY_FILE: join(folder, "public-key.pem"),
    JWT_ISSUER: ISSUER,
    JWT_AUDIENCE: AUDIENCE,
  });
  using client = openClient(CONNECTIONS);
  const credentials: readonly Credential[] = [
    { url: open.url, headers: {}, durations: [] },
    { url: keys.url, headers: { authorization: `Bearer ${key}` }, durations: [] },
    { url: jwts.url, headers: { authorization: `Bearer ${jwt}` }, durations: [] },
  ];

  async function start(auth: string, variables: Readonly<Record<string, string>>) {
    const databaseUrl = `file:${folder}/doors-${auth}.db`;
    await storeFinishedJob(databaseUrl, { ownerId: auth === "none" ? "local" : "web" });
    return await startGatewayProgram(upstream, {
      AUTH: auth,
      DATABASE_URL: databaseUrl,
      ...(auth !== "none" && { REQUESTS_PER_SECOND: UNREACHED }),
      ...variables,
    });
  }

  for (const { url, headers } of credentials) {
    const answer = await client.post(url, BODY, headers);
    if (!answer.includes(FINISHED.job.id)) throw new Error(`The job was not told: ${answer}`);
  }
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    // Each is first, second and last equally often.
    for (const { url, headers, durations } of [
      ...credentials.slice(round % 3),
      ...credentials.slice(0, round % 3),
    ]) {
      const durationMs = await client.repeat(REQUESTS, async () => {
        await client.post(url, BODY, headers);
      });
      if (round >= 0) durations.push((durationMs / REQUESTS) * 1_000);
    }
  }
  const [none = 0, apiKeys = 0, jwtMs = 0] = credentials.map(({ durations }) => median(durations));
  const base = toFigure("1,000 requests, AUTH=none", none, "ms");
  return [
    base,
    toFigure("1,000 requests, AUTH=api-keys", apiKeys, "ms", base),
    toFigure("1,000 requests, AUTH=jwt", jwtMs, "ms", base),
  ];
}

async function createJwt(file: string): Promise<string> {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  writeFileSync(file, publicKey.export({ type: "spki", format: "pem" }));
  return await new SignJWT({ scope: "jobs:read" })
    .setProtectedHeader({ alg: "ES256" })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject("web")
    .setExpirationTime("1h")
    .sign(privateKey);
}
