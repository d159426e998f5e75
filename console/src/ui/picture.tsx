import { fileNameOf } from "../model/address";
import { type Asset, urlOf } from "../model/asset";

/** What stands for a file that is not shown itself. */
export const SIGNS = { IMAGE: "▣", VIDEO: "▶", AUDIO: "♪", OTHER: "▤" } as const;

/**
 * An output as it is best shown: small where it is one of many, from the gateway's copy where there is one. What can't be
 * seen is played where it is large, and a symbol where it is small.
 */
export function Picture({
  asset,
  alt,
  isSmall = false,
}: {
  readonly asset: Asset;
  readonly alt: string;
  readonly isSmall?: boolean;
}) {
  const url = urlOf(asset, isSmall);
  const size = { width: asset.width ?? undefined, height: asset.height ?? undefined };
  // The sandbox draws its videos as SVG.
  if (asset.kind === "VIDEO" && !fileNameOf(asset.url).endsWith(".svg")) {
    return (
      <video
        {...size}
        src={url}
        aria-label={alt}
        muted={isSmall}
        loop
        playsInline
        controls={!isSmall}
        preload="metadata"
      />
    );
  }
  if (isSmall && !asset.thumbnailUrl && !/IMAGE|VIDEO/.test(asset.kind))
    return (
      <span role="img" aria-label={alt}>
        {SIGNS[asset.kind]}
      </span>
    );
  if (asset.kind === "AUDIO")
    return <audio src={url} controls preload="metadata" aria-label={alt} />;
  if (asset.kind === "OTHER" && !asset.thumbnailUrl) return <a href={url}>file</a>;
  return <img {...size} src={url} alt={alt} loading="lazy" decoding="async" />;
}
