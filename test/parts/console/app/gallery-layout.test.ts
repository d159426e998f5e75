import { expect, test } from "vitest";

import { createLayout, pick } from "../../../../console/src/gallery/layout";
import type { JobRowFragment } from "../../../../console/src/gql";
import { UNKNOWN_COST } from "../../../../console/src/model/costs";
import type { Media } from "../../../../console/src/model/filters";

const DAY_MS = 86_400_000;
const NOON = new Date(2026, 5, 15, 12).getTime();

function toJob(number: number, daysAgo: number, outputs = 1): JobRowFragment {
  const asset = {
    kind: "IMAGE",
    keep: "KEPT",
    keptUrl: null,
    thumbnailUrl: null,
    expiresAt: null,
  } as const;
  return {
    id: `job_${number}`,
    ownerId: "local",
    version: 1,
    status: "SUCCEEDED",
    tags: [],
    isStarred: false,
    queuePosition: null,
    isCancellable: false,
    isFinished: true,
    isPaused: false,
    createdAt: new Date(NOON - daysAgo * DAY_MS).toISOString(),
    sentAt: null,
    startedAt: null,
    finishedAt: null,
    queueSeconds: null,
    runSeconds: null,
    cost: UNKNOWN_COST,
    input: {},
    error: null,
    deployment: { id: "lantern", name: "Paper Lantern" },
    assets: Array.from({ length: outputs }, (_, index) => ({
      ...asset,
      url: `https://a.example/${number}/${index}.png`,
      width: 100,
      height: 100,
    })),
  };
}

const keysOf = (rows: ReturnType<ReturnType<typeof createLayout>>) =>
  rows.map(({ tiles }) => tiles.map(({ picture }) => picture.job.id.slice(4)).join(" "));

test("of a job with 40 outputs four are shown, and the last says that 36 more stand behind it", () => {
  expect(pick([toJob(1, 0, 40)]).map(({ more }) => more)).toEqual([0, 0, 0, 36]);
  expect(pick([toJob(1, 0, 4)]).map(({ more }) => more)).toEqual([0, 0, 0, 0]);
  expect(pick([toJob(1, 0, 5), toJob(2, 0)]).map(({ more }) => more)).toEqual([0, 0, 0, 1, 0]);
});

test("where a kind is asked for, only files of that kind are shown, and those behind them counted", () => {
  const { assets, ...job } = toJob(1, 0, 6);
  const kinds = ["OTHER", "VIDEO", "AUDIO", "VIDEO", "IMAGE", "AUDIO"] as const;
  for (const [n, kind] of kinds.entries()) Object.assign(assets[n] ?? {}, { kind });
  const mixed = { ...job, assets };
  const keys = (media: Media) => pick([mixed], media).map(({ picture }) => picture.key);
  expect(keys(["video"])).toEqual(["job_1.1", "job_1.3"]);
  expect(keys(["image", "audio"])).toEqual(["job_1.2", "job_1.4", "job_1.5"]);
  expect(pick([mixed]).map(({ more }) => more)).toEqual([0, 0, 0, 1]);
  expect(pick([mixed], ["video"]).map(({ more }) => more)).toEqual([0, 0]);
});

test("each day begins a row, and a new picture changes the first row of its day only", () => {
  const layOut = createLayout();
  const jobs = [4, 3, 2, 1, 0].map((number) => toJob(number, number < 2 ? 1 : 0));
  const rows = layOut(pick(jobs), 208, 100);
  expect(keysOf(rows)).toEqual(["4 3", "2", "1 0"]);
  expect(rows.map(({ day }) => day && new Date(day).getDate())).toEqual([15, null, 14]);
  // Two squares and the gap between them fill it, and below are a gap and, for a day, its name.
  expect(rows.map(({ height }) => height)).toEqual([152, 108, 152]);
  const more = layOut(pick([toJob(5, 0), ...jobs]), 208, 100);
  expect(keysOf(more)).toEqual(["5", "4 3", "2", "1 0"]);
});
