import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { createSignedUrls } from "../../src/engine/files/signed-urls.ts";

const NOON = Date.UTC(2026, 0, 2, 12);
const FILE = { folder: "files", name: "a1.png", width: null } as const;

beforeEach(() => void vi.setSystemTime(NOON));
afterEach(() => void vi.useRealTimers());

function createUrls(key = "key") {
  return createSignedUrls({ key, publicUrl: () => "https://a.example.com" });
}

function open(url: string, { key = "key", hours = 0 } = {}) {
  vi.setSystemTime(NOON + hours * 3_600_000);
  const { pathname, search } = new URL(url);
  return createUrls(key).open(pathname, search.slice(1));
}

test("a URL leads to its file until it expires, on every gateway that has the key", () => {
  const url = createUrls().create(FILE);
  expect(url).toMatch(/^https:\/\/a\.example\.com\/files\/a1\.png\?/);
  expect(open(url)).toEqual({ ...FILE, seconds: 36 * 3_600 });
  expect(open(url, { hours: 36 - 1 / 3_600 })?.seconds).toBe(1);
  expect(open(url, { hours: 36 })).toBeNull();
  expect(open(url, { key: "another" })).toBeNull();
});

test("a URL is the same all day long, so that browsers find what they have", () => {
  const createAfter = (hours: number) => {
    vi.setSystemTime(NOON + hours * 3_600_000);
    return createUrls().create(FILE);
  };
  expect(createAfter(11)).toBe(createAfter(0));
  expect(createAfter(13)).not.toBe(createAfter(0));
});

test("a URL that was altered in any part leads nowhere", () => {
  const url = createUrls().create({ ...FILE, width: 320 }, NOON / 1_000 + 60);
  expect(open(url)).toEqual({ ...FILE, width: 320, seconds: 60 });
  const altered = [
    url.replace("a1.png", "a2.png"),
    url.replace("/files/", "/uploads/"),
    url.replace("width=320", "width=640"),
    url.replace("width=320&", ""),
    url.replace(/expires=\d+/, `expires=${NOON / 1_000 + 61}`),
    url.replace(/signature=./, "signature=_"),
    url.replace(/&signature=.*/, ""),
    url.slice(0, -1),
    url.replace("a1.png", "..%2Fa1.png"),
  ];
  for (const one of altered) expect(open(one), one).toBeNull();
});
