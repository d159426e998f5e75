import { createHmac, timingSafeEqual } from "node:crypto";

import { clock } from "../../runtime/environment.ts";

const DAY_SECONDS = 86_400;

/**
 * What a URL of the gateway leads to: a file, a picture of it that is so many pixels wide, where an upload is sent, where
 * RunComfy says that a job has ended, or something of a part.
 */
export type UrlTarget = {
  /** `files`, `uploads`, `upstream-webhooks`, or the name of a part. */
  readonly folder: string;
  readonly name: string;
  readonly width: number | null;
};

export type SignedUrls = ReturnType<typeof createSignedUrls>;

/** Makes URLs that anyone may use until they expire. All gateways on a database sign with one key. */
export function createSignedUrls({
  key,
  publicUrl,
}: {
  readonly key: string;
  /** The URL of this gateway as others see it. */
  readonly publicUrl: () => string;
}) {
  const nowSeconds = (): number => Math.floor(clock.now() / 1_000);

  function sign({ folder, name, width }: UrlTarget, expires: number): string {
    const text = [folder, name, width ?? "", expires].join("\n");
    return createHmac("sha256", key).update(text).digest("base64url");
  }

  return {
    /** Good for one to two days: the same text all day long, so that browsers find what they have. */
    create(target: UrlTarget, expires = DAY_SECONDS * (Math.ceil(nowSeconds() / DAY_SECONDS) + 1)) {
      const url = new URL(`/${target.folder}/${target.name}`, publicUrl());
      if (target.width !== null) url.searchParams.set("width", String(target.width));
      url.searchParams.set("expires", String(expires));
      url.searchParams.set("signature", sign(target, expires));
      return url.href;
    },

    /** What a URL leads to and for how many seconds more; null for one that was altered or has expired. */
    open(path: string, query: string): (UrlTarget & { readonly seconds: number }) | null {
      const [, folder, name] = /^\/([\w-]+)\/([\w.-]+)$/.exec(path) ?? [];
      if (folder === undefined || name === undefined) return null;
      const parameters = new URLSearchParams(query);
      const width = parameters.has("width") ? Number(parameters.get("width")) : null;
      const expires = Number(parameters.get("expires"));
      const target = { folder, name, width } as const;
      const expected = Buffer.from(sign(target, expires));
      const signature = Buffer.from(parameters.get("signature") ?? "");
      const isOurs = signature.length === expected.length && timingSafeEqual(signature, expected);
      const seconds = expires - nowSeconds();
      return isOurs && seconds > 0 ? { ...target, seconds } : null;
    },
  };
}
