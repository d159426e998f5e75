import type { Server } from "node:http";
import { DatabaseSync } from "node:sqlite";

/** Its id; each peer knows this one job. */
export const JOB_ID = "job-1";

const STATUSES = ["SUBMITTING", "IN_QUEUE", "IN_PROGRESS", "SUCCEEDED", "FAILED", "CANCELLED"];

/** What a peer answers of the job. */
export type PeerJob = {
  readonly id: string;
  readonly status: string;
  readonly queuePosition: number | null;
  readonly version: number;
  readonly createdAt: string;
  readonly output: unknown;
};

export const TYPES = `
  scalar JSON
  scalar DateTime
  enum JobStatus { ${STATUSES.join(" ")} }
  type Job { id: ID! status: JobStatus! queuePosition: Int version: Int! createdAt: DateTime! output: JSON }
  type Query { job(id: ID!): Job }
  type Subscription { jobUpdated(id: ID!): Job! }
`;

/** The job in a table, from where it is read each time, as a gateway has to. */
export function openPeerJob() {
  const database = new DatabaseSync(":memory:");
  database.exec("create table jobs (id text primary key, version integer, output text)");
  database
    .prepare("insert into jobs values (?, 1, ?)")
    .run(JOB_ID, JSON.stringify({ images: ["https://files.runcomfy.net/output-1.png"] }));
  const select = database.prepare("select * from jobs where id = ?");
  const update = database.prepare("update jobs set version = version + 1 where id = ?");

  function read(): PeerJob {
    const row = select.get(JOB_ID) ?? {};
    return {
      id: JOB_ID,
      status: "IN_PROGRESS",
      queuePosition: null,
      version: Number(row["version"]),
      createdAt: "2026-01-01T12:00:00.000Z",
      output: JSON.parse(String(row["output"])),
    };
  }

  return {
    read,
    /** The job after one more change. */
    change(): PeerJob {
      update.run(JOB_ID);
      return read();
    },
  };
}

/** Listens on a free port and prints where. */
export function serve(server: Server): void {
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (typeof address === "object") console.log(`http://127.0.0.1:${address?.port}/graphql`);
  });
}
