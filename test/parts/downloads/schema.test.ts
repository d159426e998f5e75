import { expect, test, vi } from "vitest";

import { clock } from "../../../src/runtime/environment.ts";
import { openInProcessGateway } from "../../schema/in-process-gateway.ts";

const CREATE = `mutation ($ids: [ID!]!) {
  createDownload(ids: $ids) { __typename }
}`;

/** A gateway on which each count of kept files takes a turn, and 60 jobs. */
async function open() {
  const gateway = await openInProcessGateway();
  const jobs = await Promise.all(Array.from({ length: 60 }, () => gateway.addJob()));
  const { files } = gateway.store;
  const { countKept } = files;
  let [now, most] = [0, 0];
  const counted = vi.spyOn(files, "countKept").mockImplementation(async (...given) => {
    most = Math.max(most, (now += 1));
    await clock.nextTurn();
    now -= 1;
    return await countKept(...given);
  });
  return { ...gateway, ids: jobs.map(({ id }) => id), counted, mostAtOnce: () => most };
}

test("the files of downloads are counted one step at a time, however many are asked for", async () => {
  const { answer, ids, mostAtOnce } = await open();
  const answers = await Promise.all(Array.from({ length: 20 }, () => answer(CREATE, { ids })));
  for (const { errors, data } of answers)
    expect([errors, data]).toEqual([
      undefined,
      { createDownload: { __typename: "CreateDownloadSuccess" } },
    ]);
  expect(mostAtOnce()).toBe(1);
});

test("nothing more is counted, and nothing stored, for a client that has left", async () => {
  const { leave, ids, counted, statements } = await open();
  const { answer, hangUp } = leave(
    `mutation { createDownload(ids: ${JSON.stringify(ids)}) { __typename } }`,
  );
  counted.mockImplementationOnce(async () => {
    hangUp();
    return { files: 0, bytes: 0 };
  });
  expect((await answer).errors).toHaveLength(1);
  expect(counted).toHaveBeenCalledTimes(1);
  expect(statements.filter((sql) => sql.includes("insert into downloads"))).toEqual([]);
});
