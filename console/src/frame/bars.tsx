import { useEffect, useRef } from "react";
import { useConnection } from "runcomfy-graphql-client/react";

import { TOKEN_REFUSED } from "../session/gateway";
import { FRAME } from "../session/queries";
import { useAgain, useQuery, useSession } from "../session/session";
import { useStore } from "../session/store";
import { Ago } from "../ui/time";

/** What is wrong at the moment, above every screen, and what that means for what was sent. */
export function Bars() {
  const connection = useConnection();
  const silence = useStore(useSession().feed.silence);
  const { data, ask } = useQuery(FRAME, {});
  useAgain(ask);
  const failing = (data?.deployments ?? []).flatMap(({ name, outage }) =>
    outage ? [{ name, since: outage.since }] : [],
  );
  const [since] = data?.outage ? [data.outage.since] : failing.map((one) => one.since).toSorted();
  const who = data?.outage ? "RunComfy" : failing.map(({ name }) => name).join(", ");
  const bars = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // What is scrolled or tabbed to stays below, however many lines they take.
    const observer = new ResizeObserver(([entry]) =>
      document.documentElement.style.setProperty("--bars", `${entry?.contentRect.height ?? 0}px`),
    );
    if (bars.current) observer.observe(bars.current);
    return () => observer.disconnect();
  }, []);
  return (
    <div ref={bars} role="status" className="frame-bars">
      {connection.kind === "refused" && (
        <p className="frame-bar frame-bar-bad">
          This page gets no updates: {connection.reason} Jobs that were sent go on. Reload the page
          to try again.
        </p>
      )}
      {connection.kind === "away" && (
        <p className="frame-bar">
          Connection lost <Ago at={new Date(connection.since).toISOString()} />. Jobs that were sent
          go on, and this page reconnects and catches up by itself.
        </p>
      )}
      {connection.kind === "connected" && silence !== "" && (
        <p className="frame-bar">
          No changes come at the moment: {silence} Jobs that were sent go on.
        </p>
      )}
      {data?.isTokenRefused ? (
        <p className="frame-bar frame-bar-bad">
          {TOKEN_REFUSED} Jobs that were sent go on at RunComfy.
        </p>
      ) : (
        since !== undefined && (
          <p className="frame-bar frame-bar-bad">
            Outage of {who}, first seen <Ago at={since} />. Jobs that were sent go on, and are
            looked up once it ends; new jobs {data?.outage ? "" : "for it "}are refused until then.
          </p>
        )
      )}
    </div>
  );
}
