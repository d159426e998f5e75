import { useState } from "react";

import { ratioOf, urlOf } from "../model/asset";
import { describe, isZoomable, type Shown } from "../model/pictures";
import { promptOf } from "../model/prompt";
import { LISTED_JOB } from "../session/queries";
import { type Session, useChanges, useSession } from "../session/session";
import { useFields } from "../session/use-fields";
import { removeFromLists } from "../session/use-job-list";
import { Picture } from "../ui/picture";
import { OpenLink } from "./open-link";
import "./media.css";

/** A picture or video, or words in its place where it can't be loaded. */
export function Media({
  picture,
  isSmall = false,
}: {
  readonly picture: Shown;
  readonly isSmall?: boolean;
}) {
  const { asset, job } = picture;
  const session = useSession();
  const url = urlOf(asset, isSmall);
  const isSound = asset.kind === "AUDIO" && !isSmall;
  const [brokenUrl, setBrokenUrl] = useState("");
  // It may have been the connection, which is back then.
  useChanges((change) => {
    if (change === null) setBrokenUrl("");
  });
  if (brokenUrl === url && isSmall) return <span className="frame hint">can't be loaded</span>;
  if (brokenUrl === url)
    return (
      <p className="hint">
        It can't be loaded.{" "}
        {asset.keptUrl === null
          ? "RunComfy deletes files after 7 days. Run its job again to make it anew."
          : "Check your connection, then open it again."}
      </p>
    );
  return (
    <span
      className={isSound ? "media media-sound" : "media"}
      onErrorCapture={() => {
        setBrokenUrl(url);
        // RunComfy's own addresses stay the same.
        if (url !== asset.url) void renew(session, job.id);
      }}
    >
      {isSound && (
        <span className="clamp" dir="auto" aria-hidden="true">
          ♪ {promptOf(job) || job.deployment.name}
        </span>
      )}
      <Picture key={url} asset={asset} alt={describe(picture)} isSmall={isSmall} />
    </span>
  );
}

/** A picture or video in a place of its shape, where a picture opens large; of a sound its player. */
export function Framed({ picture }: { readonly picture: Shown }) {
  const { key, job, asset } = picture;
  const fields = useFields(job.deployment.id);
  const media = <Media picture={picture} />;
  if (asset.kind === "AUDIO" || asset.kind === "OTHER") return media;
  return (
    <div className="frame run-frame" style={{ aspectRatio: ratioOf(job.input, fields, asset) }}>
      {isZoomable(picture) ? <OpenLink picture={key}>{media}</OpenLink> : media}
    </div>
  );
}

/** Asks for the addresses of a job's files where one has expired, which those of the gateway do in a day or two. */
async function renew(session: Session, id: string): Promise<void> {
  const query = session.answers.find(LISTED_JOB, { id });
  await query.ask();
  const { data } = query.state.get();
  if (data?.job) session.feed.notify(data.job);
  else if (data) removeFromLists(session, [id]);
}
