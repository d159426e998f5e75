import type { AssetKind } from "../job/asset.ts";
import { ASSET_KINDS } from "../job/asset.ts";
import type { Builder } from "./builder.ts";

const DESCRIPTIONS: Readonly<Record<AssetKind, string>> = {
  IMAGE: "A still or animated picture.",
  VIDEO: "Moving pictures, with sound or without.",
  AUDIO: "Sound without a picture.",
  OTHER: "None of these, or nothing tells what it is.",
};

export function addAsset(builder: Builder): void {
  const assetKind = builder.enumType("AssetKind", {
    description:
      "What a file holds, judged by its name and its place in the output; its content is not looked at.",
    values: Object.fromEntries(
      ASSET_KINDS.map((kind) => [kind, { value: kind, description: DESCRIPTIONS[kind] }]),
    ),
  });
  builder.objectType("Asset", {
    description: "A hosted file that a job's output names.",
    fields: (t) => ({
      url: t.expose("url", {
        type: "URL",
        description:
          "Where the vendor serves the file, to everyone who has the URL; unchanged from the output.",
      }),
      path: t.exposeString("path", {
        description:
          "Where in the output the URL stands, e.g. `images[0]`; cut behind 1,000 characters.",
      }),
      kind: t.expose("kind", { type: assetKind, description: "How to show the file." }),
      expiresAt: t.expose("expiresAt", {
        type: "DateTime",
        nullable: true,
        description:
          "When the vendor deletes the file, 7 days after the job's end: keep a copy before. Null when the end is not known.",
      }),
    }),
  });
}
