import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";

import { onTestFinished } from "vitest";

import { createTemporaryFolder } from "./temporary-folder.ts";

export type NamedPipe = Awaited<ReturnType<typeof openNamedPipe>>;

/** A pipe that is held open and not read, until somebody reads it, leaves it or the test ends. */
export async function openNamedPipe() {
  const path = join(await createTemporaryFolder(), "pipe");
  execFileSync("mkfifo", [path]);
  // For both, so that it opens without a writer, and has no end while there is none.
  const descriptor = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  let close: (() => void) | null = () => closeSync(descriptor);
  function leave(): void {
    close?.();
    close = null;
  }
  onTestFinished(leave);
  return {
    path,
    /** Puts in as much as it takes, so that the next writer finds it full. */
    fill(): void {
      try {
        for (;;) writeSync(descriptor, "x".repeat(4_096));
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
      }
    },
    /** Reads from now on, and returns what has been read so far. */
    read(): () => string {
      const socket = new Socket({ fd: descriptor, readable: true, writable: false });
      close = () => socket.destroy();
      let text = "";
      socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      return () => text;
    },
    leave,
  };
}
