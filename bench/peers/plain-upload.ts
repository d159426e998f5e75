import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

/** Writes each body into a file, and does nothing else. */
const folder = process.env["FOLDER"] ?? "";
const server = createServer(async (request, response) => {
  if (request.method === "PUT")
    await pipeline(request, createWriteStream(join(folder, "plain"), { flush: true }));
  response.end();
});
await once(server.listen(0, "127.0.0.1"), "listening");
const address = server.address();
console.log(`http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/graphql`);
process.once("SIGTERM", () => process.exit(0));
