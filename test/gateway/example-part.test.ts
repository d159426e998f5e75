import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";

import { loadConfig } from "../../src/config/load-config.ts";
import { startGateway } from "../../src/gateway.ts";
import { part } from "../support/example-part.ts";
import { ask } from "../support/graphql-client.ts";
import { readBlocks, readPage } from "../support/pages.ts";
import { PARTS } from "../support/parts.ts";
import { SANDBOX } from "./open-gateway.ts";

test("CONTRIBUTING's example of a part shows its notice where it is on", async () => {
  const [shown = ""] = readBlocks("CONTRIBUTING.md", "A part", "ts");
  expect(readPage("test/support/example-part.ts").replaceAll("../../src/", "../../")).toBe(shown);

  const log = pino({ level: "silent" });
  const start = async (settings: Readonly<Record<string, string>>) => {
    const environment = { ...SANDBOX, PORT: "0", DATABASE_URL: ":memory:", ...settings };
    const gateway = await startGateway(loadConfig(environment, [...PARTS, part]), { log });
    onTestFinished(() => gateway.close());
    return gateway.url;
  };
  const on = await start({ NOTICE: "Closed on Sundays." });
  const { notice, viewer } = await ask(on, "{ notice viewer { parts } }");
  expect(notice).toBe("Closed on Sundays.");
  expect(viewer.parts).toContain("notices");
  const off = await start({});
  await expect(ask(off, "{ notice }")).rejects.toThrow();
  expect((await ask(off, "{ viewer { parts } }")).viewer.parts).not.toContain("notices");
});
