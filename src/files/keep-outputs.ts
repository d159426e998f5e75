import { LRUCache } from "lru-cache";
import type { BaseLogger } from "pino";

import type { KeptFile } from "../job/asset.ts";
import { keepBackOffMs, NOT_KEPT } from "../job/asset.ts";
import { startLoop } from "../runtime/loop.ts";
import type { ClaimedFile, Files } from "../store/files.ts";
import type { FetchFile } from "./fetch-file.ts";
import { FetchFileError } from "./fetch-file.ts";
import type { FileStore } from "./file-store.ts";
import { FileStoreError, FileTooLargeError } from "./file-store.ts";
import { createFileName, detectFile } from "./detect-file.ts";

/** Fetched by one gateway at once. */
const MAX_AT_ONCE = 16;
/** How often to ask for files whose jobs other gateways saw end. */
const MAX_REST_MS = 2_000;
/** Jobs whose files fail, that are remembered. */
const MAX_TOLD = 10_000;

/**
 * Fetches the files that outputs name, each once for all gateways of a database: whoever claims it fetches it. One that
 * can't be fetched is tried again, with back-off, for six days.
 */
export function startKeeper(dependencies: {
  readonly files: Files;
  readonly store: FileStore;
  /** `upstream` is that of its job. */
  readonly fetchFile: (
    url: string,
    options: Parameters<FetchFile>[1] & Pick<ClaimedFile, "upstream">,
  ) => ReturnType<FetchFile>;
  readonly mostBytes: number;
  /** When what a dead gateway has claimed comes due, 30 s by default; a claim is renewed while its file comes. */
  readonly claimMs?: number;
  readonly random: () => number;
  readonly log: BaseLogger;
}) {
  const { files, store, fetchFile, mostBytes, claimMs = 30_000, random, log } = dependencies;
  const closing = new AbortController();
  const underWay = new Set<Promise<void>>();
  /** What was told of, and has not succeeded since. */
  const failing = new Set<string>();
  /** A job may have a thousand files, and each may fail often. */
  const told = new LRUCache<string, true>({ max: MAX_TOLD });

  /** Claims what there is room for; resolves with how long to rest. */
  async function claim(): Promise<number> {
    const limit = MAX_AT_ONCE - underWay.size;
    if (limit === 0) return MAX_REST_MS;
    const { files: claimed, nextInMs } = await files.claimDue({ limit, claimMs });
    for (const file of claimed) {
      const keeping = keep(file).finally(() => {
        underWay.delete(keeping);
        loop.wake();
      });
      underWay.add(keeping);
    }
    return Math.max(0, Math.min(MAX_REST_MS, nextInMs ?? MAX_REST_MS));
  }

  function warn(error: unknown, text: string): void {
    if (!failing.has(text) && !closing.signal.aborted) log.warn({ err: error }, text);
    failing.add(text);
  }

  /** Of what befalls a job's files only the first is told. */
  function isFirst({ jobId }: ClaimedFile, text: string): boolean {
    const key = `${jobId} ${text}`;
    const isKnown = told.has(key);
    told.set(key, true);
    return !isKnown;
  }

  /** Never rejects: what fails here comes due again when its claim ends. */
  async function keep(claimed: ClaimedFile): Promise<void> {
    const lost = new AbortController();
    const signal = AbortSignal.any([closing.signal, lost.signal]);
    let file: ClaimedFile = claimed;
    let renewal: Promise<unknown> = Promise.resolve();
    const renewing = setInterval(() => {
      renewal = files.renewClaim(file, claimMs).then(
        (renewed) => (renewed === null ? lost.abort() : (file = renewed)),
        () => undefined,
      );
    }, claimMs / 3);
    try {
      const kept = await copy(file, signal).finally(() => clearInterval(renewing));
      // It changes what proves the claim.
      await renewal;
      if (!(await files.settle(file, kept)) && kept.file !== null) await store.delete(kept.file);
      failing.delete(STORE_FAILS);
      failing.delete(SETTLE_FAILS);
    } catch (error) {
      await giveUp(file, error, lost.signal.aborted).catch((cause: unknown) => {
        warn(cause, SETTLE_FAILS);
      });
    }
  }

  async function copy({ url, upstream }: ClaimedFile, signal: AbortSignal): Promise<KeptFile> {
    const { stream, declaredBytes } = await fetchFile(url, { signal, upstream });
    if (declaredBytes !== null && declaredBytes > mostBytes) throw new FileTooLargeError(mostBytes);
    await using draft = await store.draft(stream, { mostBytes });
    const { contentType, extension, width, height } = await detectFile(draft.path);
    const name = createFileName(extension);
    await draft.keepAs(name, contentType);
    const { bytes } = draft;
    return { state: "KEPT", file: name, contentType, bytes, width, height, reason: null };
  }

  async function giveUp(file: ClaimedFile, error: unknown, isLost: boolean): Promise<void> {
    if (isLost) return;
    if (closing.signal.aborted) return await files.putBack(file, 0);
    const isLasting =
      error instanceof FileTooLargeError || (error instanceof FetchFileError && error.isLasting);
    const delayMs = isLasting ? null : keepBackOffMs(file.attempts, file.sinceEndMs, random());
    const fields = { jobId: file.jobId, number: file.number, err: error };
    if (delayMs !== null) {
      if (error instanceof FileStoreError) warn(error, STORE_FAILS);
      if (isFirst(file, TRIED_AGAIN)) log.info(fields, TRIED_AGAIN);
      return await files.putBack(file, delayMs);
    }
    if (isFirst(file, NOT_TRIED_AGAIN)) log.warn(fields, NOT_TRIED_AGAIN);
    await files.settle(file, { ...NOT_KEPT, state: "FAILED", reason: toReason(error) });
  }

  const loop = startLoop({
    act: claim,
    signal: closing.signal,
    retryMs: MAX_REST_MS,
    onFailure: (err) => log.warn({ err }, CLAIM_FAILS),
  });
  return {
    /** Says that there are files to keep. */
    wake: loop.wake,
    /** Cuts off what is under way, and leaves it to others. */
    async close(): Promise<void> {
      closing.abort();
      await loop.ended;
      await Promise.allSettled(underWay);
    },
  };
}

const CLAIM_FAILS = "Files can't be claimed to be kept; the gateway tries again.";
const SETTLE_FAILS = "What became of a file can't be written down; it is fetched again.";
const TRIED_AGAIN = "Files of an output could not be kept; the gateway tries again.";
const NOT_TRIED_AGAIN =
  "Files of an output are not kept. Once the reason is mended, try again with keepOutputs.";
const STORE_FAILS =
  "Outputs can't be kept; the gateway tries again. Check where files are: its disk may be full, or S3 away.";

function toReason(error: unknown): string {
  const isKnown = error instanceof FileTooLargeError || error instanceof FetchFileError;
  return isKnown ? error.message : "The copy could not be stored. Try to keep it again.";
}
