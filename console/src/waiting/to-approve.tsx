import { useQuery } from "../session/session";
import { useHeldNews } from "./use-held-news";
import { TO_APPROVE_IDS } from "./waiting-queries";

/** How many jobs wait until the viewer approves them. */
export function ToApprove() {
  const { data, ask } = useQuery(TO_APPROVE_IDS, {});
  useHeldNews(data?.jobsToApprove, ask);
  const count = data?.jobsToApprove.length ?? 0;
  if (count === 0) return null;
  return (
    <span className="frame-count">
      {count}
      <span className="unseen"> to approve</span>
    </span>
  );
}
