import { useConnection } from "runcomfy-graphql-client/react";
import { Link } from "wouter";

import { useQuery, useSession } from "./session";
import { OUTAGES } from "./queries";
import type { OutagesQuery } from "./gql";
import { HAS_GRAPHIQL, HAS_MCP, IS_SANDBOX } from "./gateway";
import { Ago } from "./parts/time";
import { useAgain } from "./parts/use-again";
import { SignInAgain } from "./sign-in";
import { useStore } from "./store";
import { useViewer } from "./viewer";
import { WEBHOOKS } from "./webhooks/webhook-queries";

export type Account = {
  readonly onSignIn: (credential: string, isKept: boolean) => void;
  readonly onSignOut: () => void;
};

/** Whether the page hears of changes, and who it is for. */
export function Footer({ onSignIn, onSignOut }: Account) {
  const viewer = useViewer();
  const connection = useConnection();
  const reason = useStore(useSession().feed.silence);
  const outages = useQuery(OUTAGES, {});
  // Whoever can't watch jobs has no socket that would be closed.
  const isRefused = connection.kind === "refused" || outages.error?.code === "UNAUTHENTICATED";
  return (
    <footer>
      <span role="status" className={`connection connection-${connection.kind}`}>
        {connection.kind === "idle" &&
          (viewer.mayRead ? "connecting" : "not live: your credential lacks the scope jobs:read")}
        {connection.kind === "connected" && (reason === "" ? "live" : `not live: ${reason}`)}
        {connection.kind === "away" && (
          <>
            reconnecting, away since <Ago at={new Date(connection.since).toISOString()} />
          </>
        )}
        {connection.kind === "refused" && `no longer signed in: ${connection.reason}`}
      </span>
      <Outages outages={outages} />
      {viewer.hasWebhooks && <DisabledWebhooks />}
      <span>{IS_SANDBOX ? "sandbox: nothing costs money" : "RunComfy: jobs cost money"}</span>
      <span>
        {viewer.id}
        {viewer.mayRead && !viewer.may("jobs:submit") && ", reads only"}
        {viewer.may("jobs:read:all") && ", sees everybody's jobs"}
      </span>
      {HAS_MCP && <Link href="/agents">Connect an agent</Link>}
      {HAS_GRAPHIQL && <a href="/graphql">GraphiQL</a>}
      {isRefused && <SignInAgain reason={EXPIRED} onSignIn={onSignIn} />}
      {viewer.isSignedIn && <button onClick={onSignOut}>Sign out</button>}
    </footer>
  );
}

const EXPIRED = "Your key or token is no longer accepted. What you typed stays.";

/** What of RunComfy keeps failing, of which nothing tells the page but that it asks. */
function Outages({
  outages,
}: {
  readonly outages: ReturnType<typeof useQuery<OutagesQuery, unknown>>;
}) {
  const { data, ask } = outages;
  useAgain(ask);
  const failing = (data?.deployments ?? []).flatMap(({ name, outage }) =>
    outage ? [{ name, since: outage.since }] : [],
  );
  const [first] = data?.outage ? [data.outage.since] : failing.map(({ since }) => since).toSorted();
  const who = data?.outage ? "RunComfy" : failing.map(({ name }) => name).join(", ");
  return (
    <span role="status" className="outage">
      {data?.isTokenRefused
        ? "RunComfy refuses this gateway's token"
        : first !== undefined && (
            <>
              {who}: failing, first <Ago at={first} />; new jobs {data?.outage ? "" : "for it "}are
              refused until that ends
            </>
          )}
    </span>
  );
}

/** Those that the gateway has disabled, of which nothing tells the page but that it asks. */
function DisabledWebhooks() {
  const { data, ask } = useQuery(WEBHOOKS, {});
  useAgain(ask);
  const count = data?.webhooks.filter(({ disabledReason }) => disabledReason !== null).length ?? 0;
  return (
    <span role="status" className="outage">
      {count > 0 && (
        <Link href="/webhooks">
          {count === 1 ? "a webhook was disabled" : `${count} webhooks were disabled`}
        </Link>
      )}
    </span>
  );
}
