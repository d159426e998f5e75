import type { Server } from "node:http";

/** The id of the job that changes. */
export const JOB_ID = "job-1";

const STATUSES = ["SUBMITTING", "IN_QUEUE", "IN_PROGRESS", "SUCCEEDED", "FAILED", "CANCELLED"];
const PAGE = 20;

/** What a peer answers of a job. */
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
  type JobEdge { node: Job! }
  type JobConnection { edges: [JobEdge!]! }
  type Query { job(id: ID!): Job jobs(first: Int!): JobConnection! }
  type Subscription { jobUpdated(id: ID!): Job! }
`;

/** A page of jobs in memory, which a gateway reads from its database. */
export function createPeerJobs() {
  const first: PeerJob = {
    id: JOB_ID,
    status: "SUCCEEDED",
    queuePosition: null,
    version: 2,
    createdAt: "2026-01-01T12:00:00.000Z",
    output: { images: ["https://files.runcomfy.net/output-1.png"] },
  };
  const jobs = new Map<string, PeerJob>([[JOB_ID, first]]);
  for (let number = 2; number <= PAGE; number++)
    jobs.set(`job-${number}`, { ...first, id: `job-${number}` });

  return {
    /** Resolvers of `Query`. */
    query: {
      job: (_root: unknown, { id }: { readonly id: string }) => jobs.get(id),
      jobs: (_root: unknown, { first: count }: { readonly first: number }) => ({
        edges: [...jobs.values()].slice(0, count).map((node) => ({ node })),
      }),
    },
    /** The job after one more change. */
    change(): PeerJob {
      const { version } = jobs.get(JOB_ID) ?? first;
      const changed = { ...first, version: version + 1 };
      jobs.set(JOB_ID, changed);
      return changed;
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
