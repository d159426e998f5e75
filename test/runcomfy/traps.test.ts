import { describe, expect, test } from "vitest";

import type { JsonValue } from "../../src/engine/job/json.ts";
import { findAdapter } from "../../src/engine/runcomfy/kinds/find-kind.ts";
import { connect, failureOf, LIMITS, NEVER } from "./connect.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";

/** The numbers are those of the lists of traps in the fact sheets of either API; contract suites hold the others. */

const FILES = "https://playgrounds-storage-public.runcomfy.net";

describe("a trap of the Model API", () => {
  const { readStatus, readResult, readEarlyResult, readCancel, toSubmitPath, findAssets } =
    findAdapter("model");

  test("1: `completed` on /status is no success, and on /result only with an output", () => {
    expect(readStatus({ request_id: "r", status: "completed" })?.state).toBe("finished");
    expect(readResult({ status: "completed", output: { image: "x" } })?.kind).toBe("succeeded");
    expect(readResult({ status: "completed" })).toBeNull();
    expect(readResult({ status: "completed", error: "no", output: {} })?.kind).toBe("failed");
  });

  test("2: a cancel's `completed` is the state of the call; even an accepted one is no end yet", () => {
    expect(readCancel({ status: "completed", outcome: "cancelled" })).toBe("requested");
    expect(readCancel({ status: "completed", outcome: "not_cancellable" })).toBe("not-cancellable");
    expect(readCancel({ status: "cancelled", outcome: "cancellation_requested" })).toBe(
      "requested",
    );
  });

  test("4: the slashes of a model's id stay, and go to no other path", () => {
    const target = { kind: "model", apiVersion: "v9" } as const;
    const toPath = (deploymentId: string) =>
      toSubmitPath({ ...target, deploymentId }, "https://a.example");
    expect(toPath("a.b/c-1/d_2")).toBe("v1/models/a.b/c-1/d_2");
    for (const id of ["a", "a/..", "a/b#c", "a/%2e%2e/b", "a/b/"]) expect(toPath(id)).toBeNull();
  });

  test("6: not ready is a running word, or a 400 with 400005", () => {
    expect(readResult({ request_id: "r", status: "in_progress" })).toEqual({
      kind: "unfinished",
      state: "running",
    });
    const early = { kind: "unfinished", state: "unknown" };
    expect(readEarlyResult?.({ error_code: 400_005, error_message: "not ready" })).toEqual(early);
    expect(readEarlyResult?.({ error_code: 400_002, error_message: "balance" })).toBeNull();
  });

  test("6: over HTTP, the job goes on after such a 400", async () => {
    await using upstream = await startFaultyUpstream();
    const runComfy = connect(upstream, { modelUrl: upstream.url });
    const model = {
      kind: "model",
      apiVersion: "v1",
      deploymentId: "a/fault-not-ready-400",
    } as const;
    const requestId = await runComfy.submit({ ...model, body: {} });
    expect(await runComfy.readResult({ ...model, requestId }, LIMITS)).toMatchObject({
      kind: "unfinished",
    });
  });

  test("11: a cost that is missing or odd is not known yet, and never nothing", () => {
    const read = (cost?: JsonValue) => {
      const report = readResult({
        status: "succeeded",
        output: {},
        ...(cost !== undefined && { cost }),
      });
      return report?.kind === "succeeded" ? report.cost : report;
    };
    expect([0.4, 0].map(read)).toEqual([0.4, 0]);
    for (const odd of [undefined, null, "0.4", -1, 1e7, Infinity])
      expect(read(odd)).toBe("not-yet");
  });

  test("12: where models are off, nothing is sent, and the token stays where it is", async () => {
    await using upstream = await startFaultyUpstream();
    const runComfy = connect(upstream);
    const model = { kind: "model", apiVersion: "v1", deploymentId: "a/b" } as const;
    for (const call of [
      runComfy.submit({ ...model, body: {} }),
      runComfy.readStatus({ ...model, requestId: "r" }, LIMITS),
      runComfy.cancel({ ...model, requestId: "r" }, NEVER),
    ])
      expect(await failureOf(call)).toMatchObject({
        code: "DEPLOYMENT_DISABLED",
        delivery: "refused",
      });
    expect(upstream.requests).toEqual([]);
  });

  test.each<[string, JsonValue, readonly string[]]>([
    ["a string", `${FILES}/a.png`, ["IMAGE"]],
    ["a list", [`${FILES}/a.png`, `${FILES}/b.mp4`], ["IMAGE", "VIDEO"]],
    ["one picture", { image: `${FILES}/a` }, ["IMAGE"]],
    [
      "lists of objects",
      { videos: [{ url: `${FILES}/a` }, { url: `${FILES}/b` }] },
      ["VIDEO", "VIDEO"],
    ],
    ["two kinds", { video: `${FILES}/a`, audio: `${FILES}/b` }, ["VIDEO", "AUDIO"]],
    ["duplicates", { audios: [`${FILES}/a`, `${FILES}/a`], audio: `${FILES}/a` }, ["AUDIO"]],
    ["something nested", { result: { still: { url: `${FILES}/a.webp` } } }, ["IMAGE"]],
    ["a text", { text: "a red kite" }, []],
  ])(
    "14: the files of an output that is or has %s are found once, in order",
    (_, output, kinds) => {
      expect(findAssets(output, null).map(({ kind }) => kind)).toEqual(kinds);
    },
  );
});

describe("a trap of ComfyUI deployments", () => {
  const { readStatus, readResult, readCancel, findAssets } = findAdapter("comfyui");
  const file = (name: string, type?: string) => ({
    ...{ url: `${FILES}/${name}`, filename: name, subfolder: "" },
    ...(type !== undefined && { type }),
  });
  const pathsOf = (output: JsonValue, outputs: readonly string[] | null = null) =>
    findAssets(output, outputs).map(({ path }) => path);

  test("1: the output is `outputs`, a map by node", () => {
    const outputs = { 9: { images: [file("a.png", "output")] } };
    expect(readResult({ status: "succeeded", outputs, output: "other" })).toMatchObject({
      kind: "succeeded",
      output: outputs,
    });
    expect(pathsOf(outputs)).toEqual(['["9"].images[0].url']);
    for (const garbage of [null, [], "succeeded"]) expect(readResult(garbage)).toBeNull();
  });

  test("2: a failed run reads `completed` first", () => {
    expect(readStatus({ request_id: "r", status: "completed" })?.state).toBe("finished");
    expect(readResult({ status: "completed" })).toBeNull();
  });

  test("3: previews, inputs and texts are no files of the result, and channels may have any form", () => {
    const output = {
      9: { images: [file("a.png", "output"), file("b.png", "temp"), file("c.png", "input")] },
      12: { pano: file("d.zip"), text: [[`${FILES}/e.png`, "a line"]], number: [1] },
      20: { gifs: [file("f.mp4", "output")], images: [file("a.png", "output")] },
    };
    expect(findAssets(output, null).map(({ path, kind }) => [path, kind])).toEqual([
      ['["9"].images[0].url', "IMAGE"],
      ['["12"].pano.url', "OTHER"],
      ['["20"].gifs[0].url', "VIDEO"],
    ]);
    expect(pathsOf(output, ["20"])).toEqual(['["20"].gifs[0].url', '["20"].images[0].url']);
    expect(pathsOf("text")).toEqual([]);
  });

  test("4: a success may have no outputs at all", () => {
    for (const outputs of [{}, null, undefined])
      expect(
        readResult({ status: "succeeded", ...(outputs !== undefined && { outputs }) }),
      ).toMatchObject({ kind: "succeeded", output: {} });
  });

  test("5: an accepted cancel is no end, in any form, and `canceled` is one", () => {
    expect(readCancel({ status: "completed", outcome: "cancelled" })).toBe("requested");
    expect(readCancel({ status: "cancellation_requested" })).toBe("requested");
    expect(readCancel({ status: "not_cancellable" })).toBe("not-cancellable");
    expect(readStatus({ status: "canceled" })?.state).toBe("cancelled");
  });

  test("6: a reason joins the messages of a list with their codes, and debug information stays out", () => {
    const error = [
      { errorCode: 5_001, error: "node 4: model file not in list", debugInfo: "a secret prompt" },
      { errorCode: 5_002, error: "node 31: steps below minimum", debugInfo: "/root/x" },
    ];
    expect(readResult({ status: "failed", error })).toMatchObject({
      reason: "node 4: model file not in list (5001); node 31: steps below minimum (5002)",
    });
  });

  test("12: a queue position of 0 is a fact", () => {
    expect(readStatus({ status: "in_queue", queue_position: 0 })?.queuePosition).toBe(0);
  });

  test("15: files come in the order of their nodes, numbers as numbers, whatever order they come in", () => {
    const entries = ["38:42", "100", "9", "38:9", "save"].map((id) => [
      id,
      { images: [file(`${id}.png`, "output")] },
    ]);
    const sorted = ["9", "38:9", "38:42", "100", "save"].map((id) => `["${id}"].images[0].url`);
    const spell = (path: string) => path.replace("save.", '["save"].');
    expect(pathsOf(Object.fromEntries(entries)).map(spell)).toEqual(sorted);
    expect(pathsOf(Object.fromEntries(entries.toReversed())).map(spell)).toEqual(sorted);
  });
});
