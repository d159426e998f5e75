import type { IsolationOfPart } from "../../schema/isolation-cases.ts";
import { FOREIGN_ID } from "../../schema/foreign-job.ts";

export const isolation: IsolationOfPart = {
  cases: [
    [
      "createDownload",
      `mutation { createDownload(ids: ["${FOREIGN_ID}"]) { __typename ... on CreateDownloadSuccess { download { files } } ... on Error { message } }
        cancelJob(id: "${FOREIGN_ID}") { __typename ... on JobNotCancellableError { job { id } } } }`,
    ],
  ],
};
