import type { JobRowFragment } from "../gql/graphql";

type Asset = JobRowFragment["assets"][number];

/** An output as it is best shown: small where it is one of many, from the gateway's copy where there is one. */
export function Picture({
  asset,
  alt,
  isSmall = false,
}: {
  readonly asset: Asset;
  readonly alt: string;
  readonly isSmall?: boolean;
}) {
  const url = (isSmall ? asset.thumbnailUrl : null) ?? asset.keptUrl ?? asset.url;
  const size = { width: asset.width ?? undefined, height: asset.height ?? undefined };
  if (asset.kind === "VIDEO" && !isDrawn(asset)) {
    return (
      <video {...size} src={url} muted loop playsInline controls={!isSmall} preload="metadata" />
    );
  }
  if (asset.kind === "AUDIO") return <audio src={url} controls preload="none" />;
  if (asset.kind === "OTHER" && !asset.thumbnailUrl) return <a href={url}>file</a>;
  return <img {...size} src={url} alt={alt} loading="lazy" decoding="async" />;
}

/** The sandbox draws its films as SVG. */
function isDrawn({ url }: Asset): boolean {
  return new URL(url).pathname.endsWith(".svg");
}
