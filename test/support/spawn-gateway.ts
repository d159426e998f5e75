import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, realpathSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

/** How a process ended: by itself with a code, or by a signal. */
type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type GatewayProcess = ReturnType<typeof spawnGateway>;

/** Runs the program of a folder with these variables and no others, on free ports unless they name some. */
export function spawnGateway(
  environment: Readonly<Record<string, string>>,
  options: { readonly command?: readonly string[]; readonly folder: string },
) {
  const [program = process.execPath, ...parameters] = options.command ?? [
    process.execPath,
    "src/main.ts",
  ];
  // An installed package has no sources.
  const sources = join(options.folder, "src");
  const original = existsSync(sources) ? join(realpathSync(sources), "..") : options.folder;
  const child = spawn(program, parameters, {
    cwd: options.folder,
    env: {
      PATH: process.env["PATH"],
      HOME: process.env["HOME"],
      // So that a run compiles the program once. Where coverage is measured, Vitest leaves it out of the environment.
      NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? join(original, "compiled"),
      PORT: "0",
      SANDBOX_PORT: "0",
      // Of all that run one copy, as gateways that share a Postgres have to share their files.
      FILES_URL: environment["FILES_URL"] ?? `file:${join(original, "files")}`,
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const exit = new Promise<Exit>((resolve, reject) => {
    child.once("error", reject);
    // Unlike `exit`, it comes when all output has been read.
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  const url = findUrl(child.stdout, exit, stdout, stderr);
  url.catch(() => undefined); // Not every test wants it to serve.
  return {
    /** Undefined when it could not be started. */
    pid: child.pid,
    /** Its origin, once it serves; rejects with what it printed when it ends before. */
    url,
    exit,
    stdout,
    stderr,
    /** Resolves when the process that was started has ended. */
    async kill(signal: NodeJS.Signals): Promise<Exit> {
      child.kill(signal);
      return await exit;
    },
    /** Sends a signal that does not end it. */
    signal: (signal: "SIGUSR2") => void child.kill(signal),
    /** Kills what is left of it and of its children, and resolves when nothing is. */
    async end(): Promise<void> {
      killGroup(child);
      await Promise.allSettled([exit]);
    },
  };
}

/**
 * Copies the program, or another copy of it, into a new folder, which the caller deletes. Never run it where it is
 * developed: there may be a `.env` with a token, and jobs that cost money.
 */
export function copyProgram(original = PROJECT): string {
  const folder = createFolder();
  cpSync(join(original, "src"), join(folder, "src"), { recursive: true });
  return folder;
}

/** A new folder, which the caller deletes, that runs a copy without being one: a `.env` in it is not read. */
export function linkProgram(copy: string): string {
  const folder = createFolder();
  symlinkSync(join(copy, "src"), join(folder, "src"));
  return folder;
}

function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "runcomfy-graphql-"));
  cpSync(join(PROJECT, "package.json"), join(folder, "package.json"));
  for (const shared of ["node_modules", "console"])
    symlinkSync(join(PROJECT, shared), join(folder, shared));
  return folder;
}

/** Reads what has been printed whenever there is more of it. */
async function findUrl(
  output: NodeJS.ReadableStream,
  exit: Promise<Exit>,
  stdout: () => string,
  stderr: () => string,
): Promise<string> {
  const found = Promise.withResolvers<string>();
  output.on("data", () => {
    const url = /^GraphiQL +(http:\S+)\/graphql$/m.exec(stdout())?.[1];
    if (url !== undefined) found.resolve(url);
  });
  exit.then(
    () => found.reject(new Error(`The gateway ended before it served:\n${stdout()}${stderr()}`)),
    found.reject,
  );
  return await found.promise;
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => (text += chunk));
  return () => text;
}

/** The group, because npm's child would outlive it. */
export function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    const isGone = error instanceof Error && "code" in error && error.code === "ESRCH";
    if (!isGone) throw error;
  }
}
