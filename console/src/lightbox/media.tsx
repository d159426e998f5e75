import { useState } from "react";

import { removeFromLists } from "../jobs/use-job-list";
import { Picture, urlOf } from "../parts/picture";
import { LISTED_JOB } from "../queries";
import { type Session, useChanges, useSession } from "../session";
import { describe, type Shown } from "./pictures";

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
          ? "RunComfy deletes files after 7 days. “Details” leads to what you need to make it again."
          : "Check your connection, then open it again."}
      </p>
    );
  return (
    <span
      className="media"
      onErrorCapture={() => {
        setBrokenUrl(url);
        // RunComfy's own addresses stay the same.
        if (url !== asset.url) void renew(session, job.id);
      }}
    >
      <Picture key={url} asset={asset} alt={describe(picture)} isSmall={isSmall} />
    </span>
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
