import { LRUCache } from "lru-cache";

import { drawFilm, drawImage } from "./picture.ts";
import type { RunInput } from "./run-input.ts";

const MOST_BYTES = 64 * 1_024 * 1_024;
const MOST_WAITING = 64;

type Picture = { readonly contentType: string; readonly bytes: Buffer };

export type PictureCache = {
  /** Null when so many others are being drawn that the caller had better come back. */
  read(input: RunInput, media: "images" | "videos", index: number): Promise<Picture> | null;
};

/** Draws one picture at a time, since each takes a core, and keeps the ones read last, up to 64 MiB. */
export function createPictureCache(): PictureCache {
  const kept = new LRUCache<string, Picture>({
    maxSize: MOST_BYTES,
    sizeCalculation: ({ bytes }) => bytes.length,
  });
  const awaited = new Map<string, Promise<Picture>>();
  let last: Promise<unknown> = Promise.resolve();

  async function drawAfter(previous: Promise<unknown>, key: string, draw: () => Promise<Picture>) {
    await Promise.allSettled([previous]);
    try {
      const picture = await draw();
      kept.set(key, picture);
      return picture;
    } finally {
      awaited.delete(key);
    }
  }

  return {
    read(input, media, index) {
      const key = JSON.stringify([input, media, index]);
      const picture = kept.get(key);
      if (picture !== undefined) return Promise.resolve(picture);
      const running = awaited.get(key);
      if (running !== undefined) return running;
      if (awaited.size >= MOST_WAITING) return null;
      const drawn = drawAfter(last, key, () => draw(input, media, index));
      awaited.set(key, drawn);
      last = drawn;
      return drawn;
    },
  };
}

async function draw(input: RunInput, media: "images" | "videos", index: number): Promise<Picture> {
  if (media === "videos") return { contentType: "image/webp", bytes: await drawFilm(input) };
  return { contentType: "image/png", bytes: await drawImage(input, index) };
}
