import type { Viewer } from "../../auth/viewer.ts";
import { publicUrlProblem } from "../../runtime/public-address.ts";
import { InvalidInputError, InvalidUploadError } from "../job/errors.ts";
import type { JsonObject } from "../job/json.ts";
import {
  createUploadId,
  findUploads,
  type InputIssue,
  replaceUploads,
  textProblem,
} from "../job/input.ts";
import { CodedError, invalidFile } from "../../runtime/coded-error.ts";
import { clock } from "../../runtime/environment.ts";
import { type Upload, UPLOAD_LIFE_MS, type Uploads } from "../store/upload-rows.ts";
import type { Quota } from "../tracking/quota.ts";
import type { UploadsOfInputs } from "../tracking/submission.ts";
import type { FileFacts } from "./detect-file.ts";
import { createFileName, detectFile, kindOf, toFileHeaders } from "./detect-file.ts";
import { type FileStore, FileTooLargeError } from "./file-store.ts";
import type { SignedUrls } from "./signed-urls.ts";
import { stripMetadata } from "./thumbnail.ts";

const MEBIBYTE = 1_048_576;
/** Each becomes a URL of its own, and is read with its job. */
const MAX_UPLOADS_OF_INPUT = 100;
const MAX_NAME_LENGTH = 255;
/** A decoded picture takes four bytes a pixel. */
const MAX_PIXELS = 100_000_000;

/** An upload, and where a client is to send its file. */
export type OpenUpload = Upload & { readonly putUrl: string };

export type UploadService = ReturnType<typeof createUploadService>;

/** Takes files from clients, and replaces `upload:ID` by their URLs where an input leaves for RunComfy. */
export function createUploadService(dependencies: {
  readonly uploads: Uploads;
  readonly store: FileStore;
  readonly urls: SignedUrls;
  readonly quota: Quota;
  readonly publicUrl: () => string;
  /** Whether RunComfy is on this machine. */
  readonly isSandbox: boolean;
  readonly mostBytes: number;
  readonly isMetadataStripped: boolean;
  /** For how long RunComfy may want a file. */
  readonly urlSeconds: number;
}) {
  const { uploads, store, urls, quota, mostBytes, urlSeconds, isSandbox } = dependencies;

  return {
    mostBytes,

    /** Opens an upload. Rejects with an `InvalidUploadError` or a `LimitError`. */
    async createUpload(given: NewUpload, viewer: Viewer): Promise<OpenUpload> {
      const isReachable =
        isSandbox || store.presign !== null || publicUrlProblem(dependencies.publicUrl()) === null;
      if (!isReachable) throw new InvalidUploadError([], UNREACHABLE);
      const named = { ...given, fileName: toFileName(given.fileName) };
      checkNewUpload(named, mostBytes);
      const refund = await quota.countUpload(viewer, Math.ceil(given.bytes / MEBIBYTE));
      const id = createUploadId();
      const upload = { ...named, id, ownerId: viewer.ownerId };
      try {
        await uploads.create(upload, viewer.limits.openUploads);
      } catch (error) {
        await refund();
        throw error;
      }
      const createdAt = new Date(Math.floor(clock.now() / 1_000) * 1_000);
      const expires = toUploadEnd({ createdAt }).getTime() / 1_000;
      const putUrl = urls.create({ folder: "uploads", name: id, width: null }, expires);
      return { ...upload, ...NOT_COME, createdAt, putUrl };
    },

    async find(id: string): Promise<Upload | null> {
      const [upload = null] = await uploads.readMany([id]);
      return upload;
    },

    /** Takes the bytes. Rejects with INVALID_FILE or ALREADY_UPLOADED; then nothing is left of them. */
    async receive(upload: Upload, bytes: AsyncIterable<Uint8Array>): Promise<void> {
      await using draft = await store
        .draft(bytes, { mostBytes: upload.bytes })
        .catch((error: unknown) => {
          if (error instanceof FileTooLargeError) throw wrongSize(upload);
          throw error;
        });
      if (draft.bytes !== upload.bytes) throw wrongSize(upload);
      const facts = await detectFile(draft.path);
      const problem = findProblem(facts, upload);
      if (problem !== null) throw invalidFile(problem);
      if (dependencies.isMetadataStripped) await stripMetadata(draft.path, facts);
      const name = createFileName(facts.extension);
      await draft.keepAs(name, facts.contentType);
      const { width, height } = facts;
      if (await uploads.receive(upload.id, { file: name, width, height })) return;
      // If that fails, the end of its lease deletes it.
      await Promise.allSettled([store.delete(name)]);
      throw hasCome();
    },

    /** Resolves with the uploads that an input names. Rejects with an `InvalidInputError` unless all are here and the owner's. */
    async check(input, { viewer, spell }) {
      const named = findUploads(input);
      if (named.length === 0) return [];
      const ids = [...new Set(named.map(({ id }) => id))];
      if (ids.length > MAX_UPLOADS_OF_INPUT) throw new InvalidInputError([TOO_MANY]);
      const found = new Map((await uploads.readMany(ids)).map((one) => [one?.id, one]));
      const issues = named.flatMap(({ id, path }) => {
        const upload = found.get(id);
        const isOurs = upload?.ownerId === viewer.ownerId;
        if (isOurs && upload?.file != null) return [];
        return [{ path: spell(path), message: isOurs ? NOT_COMPLETE : NOT_YOURS }];
      });
      if (issues.length > 0) throw new InvalidInputError(issues);
      return ids;
    },

    /** The input as RunComfy gets it. */
    async toSent(input: JsonObject, ids: readonly string[]): Promise<JsonObject> {
      if (ids.length === 0) return input;
      const found = await uploads.readMany(ids);
      const pairs = found.map(async (upload): Promise<[string, string]> => {
        if (upload?.file == null) throw new Error("An upload is gone although a job names it.");
        return [upload.id, await toFileUrl(upload.file)];
      });
      return replaceUploads(input, new Map(await Promise.all(pairs)));
    },
  } satisfies UploadsOfInputs & Record<string, unknown>;

  async function toFileUrl(name: string): Promise<string> {
    if (store.presign !== null && !isSandbox)
      return await store.presign(name, { expiresInSeconds: urlSeconds, ...toFileHeaders(name) });
    const expires = Math.floor(clock.now() / 1_000) + urlSeconds;
    return urls.create({ folder: "files", name, width: null }, expires);
  }
}

export type NewUpload = Pick<Upload, "fileName" | "contentType" | "bytes">;

const NOT_COME = { file: null, width: null, height: null } as const;

/** Until when its file may come. */
export function toUploadEnd({ createdAt }: Pick<Upload, "createdAt">): Date {
  return new Date(createdAt.getTime() + UPLOAD_LIFE_MS);
}

/** Never a path: what comes behind the last slash, as some clients say where a file was. */
function toFileName(given: string): string {
  const name = given.slice(Math.max(given.lastIndexOf("/"), given.lastIndexOf("\\")) + 1);
  return /^\.{1,2}$/.test(name) ? "" : name;
}

/** Throws an `InvalidUploadError` where anything of it can't be taken. */
function checkNewUpload({ fileName, contentType, bytes }: NewUpload, mostBytes: number): void {
  const isLong = fileName.length > MAX_NAME_LENGTH;
  const nameProblem = /\p{Cc}/u.test(fileName) ? CONTROL : textProblem(fileName);
  const range = `must be from 1 to ${mostBytes}; choose`;
  const problems = {
    fileName: fileName === "" ? NO_NAME : isLong ? LONG_NAME : nameProblem,
    contentType: kindOf(contentType) === "OTHER" ? NO_MEDIA : null,
    bytes:
      bytes < 1
        ? `${range} a file that is not empty`
        : bytes > mostBytes
          ? `${range} a smaller file`
          : null,
  };
  const issues: readonly InputIssue[] = Object.entries(problems).flatMap(([name, message]) =>
    message === null ? [] : [{ path: [name], message }],
  );
  if (issues.length > 0) throw new InvalidUploadError(issues);
}

const NO_NAME = "is empty; give the file's name";
const LONG_NAME = `must be at most ${MAX_NAME_LENGTH} characters; shorten the file's name`;
const CONTROL = "holds a control character; rename the file";
const NO_MEDIA = "is no type of picture, video or sound; choose another file";
const NOT_YOURS = "names no upload of yours; upload the file again";
const NOT_COMPLETE =
  "names an upload whose file has not come; send the file first, to the address that came with the upload";
const TOO_MANY: InputIssue = {
  path: [],
  message: `names more than ${MAX_UPLOADS_OF_INPUT} uploads, the most allowed; leave some out`,
};
const UNREACHABLE =
  "RunComfy could not fetch what is uploaded here. Ask whoever runs the gateway to set PUBLIC_URL to its public https address, or FILES_URL to an S3 bucket.";

/** What is wrong with the bytes that came, or null. */
function findProblem(facts: FileFacts, upload: Upload): string | null {
  const { kind, width, height } = facts;
  if (facts.contentType === "image/svg+xml")
    return "SVG files are not taken, as they may hold programs. Save the picture as PNG.";
  if (kind === "OTHER")
    return "The file is not what it was said to be, or of a format that is not taken. Choose another one, or save it as PNG, JPEG, MP4 or WAV.";
  // One format may hold a video or a sound.
  if ((kind === "IMAGE") !== (kindOf(upload.contentType) === "IMAGE"))
    return `The file is not what it was said to be (${upload.contentType}). Choose the file again, or another one.`;
  if (kind === "IMAGE" && (width === null || height === null))
    return "The picture can't be read. Save it as PNG or JPEG in a program for pictures.";
  return (width ?? 0) * (height ?? 0) > MAX_PIXELS
    ? `The picture is ${width} × ${height} pixels large. Shrink it to at most ${MAX_PIXELS / 1e6} million pixels.`
    : null;
}

export function hasCome(): CodedError {
  const message = "This upload is already complete. Go on with it, or create another.";
  return new CodedError("ALREADY_UPLOADED", message);
}

function wrongSize({ bytes }: Upload): CodedError {
  return invalidFile(
    `The file does not have the ${bytes} bytes that were said. Create another upload with its size.`,
  );
}
