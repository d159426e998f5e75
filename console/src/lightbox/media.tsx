import { useState } from "react";

import { useChanges } from "../session";
import { Picture, urlOf } from "../parts/picture";
import { describe, type Shown } from "./pictures";
import "./media.css";

/** A picture or video, or words in its place where it can't be loaded. */
export function Media({
  picture,
  isSmall = false,
  onBroken,
}: {
  readonly picture: Shown;
  readonly isSmall?: boolean;
  readonly onBroken: (jobId: string) => void;
}) {
  const { asset, job } = picture;
  const url = urlOf(asset, isSmall);
  const [brokenUrl, setBrokenUrl] = useState<string | null>(null);
  // It may have been the connection, which is back then.
  useChanges((change) => {
    if (change === null) setBrokenUrl(null);
  });
  if (brokenUrl === url) return <Gone picture={picture} isSmall={isSmall} />;
  return (
    <span
      className="media"
      onErrorCapture={() => {
        setBrokenUrl(url);
        // What the gateway serves has an address for a day or two, and RunComfy's own stay the same.
        if (url !== asset.url) onBroken(job.id);
      }}
    >
      <Picture key={url} asset={asset} alt={describe(picture)} isSmall={isSmall} />
    </span>
  );
}

function Gone({ picture, isSmall }: { readonly picture: Shown; readonly isSmall: boolean }) {
  const isKept = picture.asset.keptUrl !== null;
  return (
    <span className="media-gone">
      <span>{isSmall ? "can't be loaded" : "It can't be loaded."}</span>
      {!isSmall && (
        <span>
          {isKept
            ? "Check your connection, then open it again."
            : "RunComfy deletes files after 7 days. “Details” leads to what you need to make it again."}
        </span>
      )}
    </span>
  );
}
