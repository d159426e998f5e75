import { expect, test } from "vitest";

import { cleanReason } from "../../src/engine/runcomfy/clean-reason.ts";
import { HOSTILE_PARTS } from "./hostile-reasons.ts";

test.each([
  ["https://a.example/b?token=c", "a.example"],
  ["s3://bucket/key", "bucket"],
  ["WSS://Host.Example/socket", "Host"],
  ["data:image/png;base64,AAAA", "AAAA"],
  ["storage.runcomfy.net", "runcomfy"],
  ["gpu-7.prod.internal", "gpu-7"],
  ["redis-master:6379", "redis"],
  ["localhost:8188/prompt", "8188"],
  ["ip-10-0-3-7", "10-0"],
  ["10.0.3.7:8188/queue", "8188"],
  ["fe80::1", "fe80"],
  ["[2001:db8::7]:8188", "2001"],
  ["2001:db8:0:0:0:0:0:7", "2001"],
  ["someone@runcomfy.com", "someone"],
  ["/root/ComfyUI/models/x.safetensors", "ComfyUI"],
  ["C:\\Users\\someone\\x.png", "someone"],
  ["\\\\server\\share", "server"],
])("A reason loses the address in %s", (address, remnant) => {
  const reason = cleanReason(`Could not load "${address}" in time.`);
  expect(reason).not.toContain(remnant);
  expect(reason).toContain("Could not load");
  expect(reason).toContain("in time.");
});

test.each([
  "CUDA out of memory. Tried to allocate 2.50 GiB (GPU 0; 23.69 GiB total)",
  "torch.cuda.OutOfMemoryError at step 12/25: batch 1",
  "Sampler 'flowmatch' failed: width must be a multiple of 16 and/or 32",
  "Ratio 16:9 at 12:30:05 is not supported.",
  "Bildgröße 64×64 zu klein 🙂",
])("A reason without addresses stays as it is: %s", (reason) => {
  expect(cleanReason(reason)).toBe(reason);
});

test("A reason is one line without control or direction characters", () => {
  expect(cleanReason(" a\u0000b\r\n\tc\u202Ed\u2028e\uD800 ")).toBe("a b c d e\uFFFD");
});

test.each([
  ["after 500 characters", `${"x".repeat(498)}${"🙂".repeat(2_000)}`, `${"x".repeat(498)}…`],
  ["where debug information begins", 'Too big, "debugInfo": "secret"', "Too big,"],
  ["where debug information begins, as others write it", "Too big debug_info=secret", "Too big"],
])("A reason ends %s", (_title, text, reason) => expect(cleanReason(text)).toBe(reason));

test.each(["https://a.example 10.0.0.7", " \n ", `${" ".repeat(1_000)}Out of memory`])(
  "Without a word in its first thousand characters a reason is none: %.30j",
  (text) => expect(cleanReason(text)).toBeNull(),
);

test("Half an address where the reading ends is left out", () => {
  const link = `https://a.example/${"x".repeat(950)}`;
  const text = `See ${link} ${"or ".repeat(8)}10.20.30.40`;
  expect(text.slice(0, 1_000)).toMatch(/ 10[.\d]*$/);
  expect(cleanReason(text)).toBe(`See [removed] ${"or ".repeat(8)}`.trim());
});

test("A text that is made to hang an expression hangs none", () => {
  for (const part of HOSTILE_PARTS) {
    const text = part.repeat(1_000).slice(0, 1_000);
    const cleaned = Array.from({ length: 20 }, () => cleanReason(text));
    expect(new Set(cleaned).size, part).toBe(1);
  }
});
