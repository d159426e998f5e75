import { buffer } from "node:stream/consumers";
import { crc32 } from "node:zlib";

import yauzl from "yauzl";

/** The files of a ZIP by their names, in their order. Throws where anything of it is damaged. */
export async function readZip(zip: Uint8Array): Promise<ReadonlyMap<string, Buffer>> {
  const opened = await yauzl.fromBufferPromise(Buffer.from(zip));
  const files = new Map<string, Buffer>();
  for await (const entry of opened.eachEntry()) {
    const bytes = await buffer(await opened.openReadStreamPromise(entry));
    if (crc32(bytes) !== entry.crc32) throw new Error(`${entry.fileName} has another sum`);
    if (files.has(entry.fileName)) throw new Error(`${entry.fileName} is there twice`);
    files.set(entry.fileName, bytes);
  }
  return files;
}
