import { LRUCache } from "lru-cache";
import type { BaseLogger } from "pino";

import { keepBackOffMs, type KeptFile, NOT_KEPT } from "../job/asset.ts";
import { chance } from "../../runtime/environment.ts";
import { keepClaim, notifyOfFirst, startLoop } from "../../runtime/loop.ts";
import type { ClaimedFile, Files } from "../store/files.ts";
import { createFileName, detectFile } from "./detect-file.ts";
import { type FetchFile, FetchFileError } from "./fetch-file.ts";
import { type FileStore, FileStoreError, FileTooLargeError } from "./file-store.ts";

/** How many files a gateway fetches at once. */
const MAX_AT_ONCE = 16;
/** How often to ask for files whose jobs other gateways saw end. */
const MAX_REST_MS = 2_000;
/** How many jobs whose files failed the keeper remembers. */
const MAX_LOGGED_JOBS = 10_000;

type KeeperOptions = {
  readonly files: Files;
  readonly store: FileStore;
  /** `upstream` is where the job of the file was sent. */
  readonly fetchFile: (
    url: string,
    options: Parameters<FetchFile>[1] & Pick<ClaimedFile, "upstream">,
  ) => AsyncIterable<Uint8Array>;
  readonly mostBytes: number;
  /** When what a dead gateway has claimed comes due, 30 s by default; a claim is renewed while its file comes. */
  readonly claimMs?: number;
  readonly log: BaseLogger;
};

/**
 * Fetches the files that outputs name, each once for all gateways of a database: the gateway that claims it fetches it. A
 * file that can't be fetched is tried again, with back-off, for six days.
 */
export class Keeper {
  readonly #options: Required<KeeperOptions>;
  readonly #underWay = new Set<Promise<void>>();
  /** What was logged for each job: it may have a thousand files, and each may fail often. */
  readonly #logged = new LRUCache<string, true>({ max: MAX_LOGGED_JOBS });
  readonly #loop;
  readonly #tryToCopy;
  readonly #tryToSettle;

  constructor(options: KeeperOptions) {
    const { log } = options;
    this.#options = { claimMs: 30_000, ...options };
    this.#tryToCopy = notifyOfFirst(
      (err) => log.warn({ err }, STORE_FAILS),
      (error) => this.#loop.signal.aborted || !(error instanceof FileStoreError),
    );
    this.#tryToSettle = notifyOfFirst(
      (err) => log.warn({ err }, SETTLE_FAILS),
      () => this.#loop.signal.aborted,
    );
    this.#loop = startLoop({
      act: () => this.#claim(),
      retryMs: MAX_REST_MS,
      onFailure: (err) => log.warn({ err }, CLAIM_FAILS),
    });
  }

  /** Notifies the keeper of files to keep. */
  readonly wake = (): void => this.#loop.wake();

  /** Cuts off what is under way, and leaves it to others. */
  async close(): Promise<void> {
    await this.#loop.close();
    await Promise.allSettled(this.#underWay);
  }

  /** Claims what there is room for; resolves with how long to rest. */
  async #claim(): Promise<number> {
    const limit = MAX_AT_ONCE - this.#underWay.size;
    if (limit === 0) return MAX_REST_MS;
    const { files, claimMs } = this.#options;
    const { files: claimed, nextInMs } = await files.claimDue({ limit, claimMs });
    for (const file of claimed) {
      const keeping = this.#keep(file).finally(() => {
        this.#underWay.delete(keeping);
        this.wake();
      });
      this.#underWay.add(keeping);
    }
    return Math.max(0, Math.min(MAX_REST_MS, nextInMs ?? MAX_REST_MS));
  }

  /** Never rejects: what fails here comes due again when its claim ends. */
  async #keep(claimed: ClaimedFile): Promise<void> {
    const { files, claimMs } = this.#options;
    const lost = new AbortController();
    const signal = AbortSignal.any([this.#loop.signal, lost.signal]);
    let file = claimed;
    const renewal = keepClaim(claimMs, async () => {
      const renewed = await files.renewClaim(file, claimMs);
      if (renewed === null) lost.abort();
      else file = renewed;
    });
    const copied = await this.#tryToCopy(() => this.#copy(claimed, signal)).catch(toFailure);
    // A renewal changes the token that proves the claim.
    await renewal.close();
    const settling = this.#tryToSettle(async () => {
      if ("state" in copied) await this.#settle(file, copied);
      else if (!lost.signal.aborted) await this.#giveUp(file, copied.error);
    });
    await settling.catch(() => undefined);
  }

  async #copy({ url, upstream }: ClaimedFile, signal: AbortSignal): Promise<KeptFile> {
    const { store, fetchFile, mostBytes } = this.#options;
    const stream = fetchFile(url, { signal, upstream, mostBytes });
    await using draft = await store.draft(stream, { mostBytes });
    const { contentType, extension, width, height } = await detectFile(draft.path);
    const name = createFileName(extension);
    await draft.keepAs(name, contentType);
    const { bytes } = draft;
    return { state: "KEPT", file: name, contentType, bytes, width, height, reason: null };
  }

  async #settle(file: ClaimedFile, kept: KeptFile): Promise<void> {
    const { files, store } = this.#options;
    if (!(await files.settle(file, kept)) && kept.file !== null) await store.delete(kept.file);
  }

  async #giveUp(file: ClaimedFile, error: unknown): Promise<void> {
    const { files } = this.#options;
    if (this.#loop.signal.aborted) return await files.putBack(file, 0);
    const isLasting =
      error instanceof FileTooLargeError || (error instanceof FetchFileError && error.isLasting);
    const delayMs = isLasting
      ? null
      : keepBackOffMs(file.attempts, file.sinceEndMs, chance.random());
    this.#logFirst(file, error, delayMs === null);
    if (delayMs !== null) return await files.putBack(file, delayMs);
    const isShown = isLasting || error instanceof FetchFileError;
    const reason = isShown ? error.message : NOT_STORED;
    await this.#settle(file, { ...NOT_KEPT, state: "FAILED", reason });
  }

  /** Logs only the first failure of each kind of a job's files. */
  #logFirst({ jobId, number }: ClaimedFile, err: unknown, isLast: boolean): void {
    const { log } = this.#options;
    const key = `${jobId} ${isLast}`;
    const fields = { jobId, number, err };
    if (this.#logged.get(key) === true) return;
    this.#logged.set(key, true);
    if (isLast) log.warn(fields, NOT_TRIED_AGAIN);
    else log.info(fields, TRIED_AGAIN);
  }
}

const CLAIM_FAILS = "Files can't be claimed to be kept; the gateway tries again.";
const SETTLE_FAILS = "The result of a fetch can't be stored; the file is fetched again.";
const TRIED_AGAIN = "Files of an output could not be kept; the gateway tries again.";
const NOT_TRIED_AGAIN =
  "Files of an output are not kept. Once the reason is mended, try again with keepOutputs.";
const STORE_FAILS =
  "Outputs can't be kept; the gateway tries again. Check where files are: its disk may be full, or S3 unreachable.";
const NOT_STORED = "The copy could not be stored. Try to keep it again.";

function toFailure(error: unknown) {
  return { error };
}
