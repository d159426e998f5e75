import type { Asset } from "./asset.ts";

/** An output as it is stored. */
export type PreparedOutput = {
  /** JSON. */
  readonly text: string;
  readonly assets: readonly Asset[];
  /** How many URLs are too long to be assets. */
  readonly longUrls: number;
};
