import type { Part } from "../../part.ts";

export const part: Part = {
  name: "downloads",
  migrations: async () => (await import("./migrations.ts")).MIGRATIONS,
  schema: async () => (await import("./schema.ts")).addDownloads,
  async open({ store, files, catalogue, channels }) {
    const { Downloads } = await import("./downloads.ts");
    const { answerDownload } = await import("./answer-download.ts");
    const service = new Downloads({ store, files, catalogue, channels });
    return {
      service,
      answerSigned: (exchange, id) => answerDownload(service, exchange, id),
      close: async () => undefined,
    };
  },
};
