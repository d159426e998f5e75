import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";

import { onTestFinished } from "vitest";

import { createTemporaryFolder } from "./temporary-folder.ts";

/** A pipe that somebody holds open and does not read, until they are asked to read it or to go. */
export type NamedPipe = {
  readonly path: string;
  /** Puts in as much as it takes, so that the next writer finds it full. */
  fill(): void;
  /** Reads from now on, and returns what has been read so far. */
  read(): () => string;
  leave(): void;
};

/** What is left of it goes when the test ends. */
export async function openNamedPipe(): Promise<NamedPipe> {
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
    fill() {
      try {
        for (;;) writeSync(descriptor, "x".repeat(4_096));
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
      }
    },
    read() {
      const socket = new Socket({ fd: descriptor, readable: true, writable: false });
      close = () => socket.destroy();
      let text = "";
      socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      return () => text;
    },
    leave,
  };
}
