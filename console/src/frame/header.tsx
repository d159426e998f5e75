import type { ReactNode } from "react";
import { useConnection } from "runcomfy-graphql-client/react";
import { Link, useLocation } from "wouter";

import { IS_SANDBOX } from "../session/gateway";
import { useSession } from "../session/session";
import { useStore } from "../session/store";
import { useViewer } from "../session/viewer";
import { later } from "../ui/later";
import { AccountMenu } from "./account-menu";
import { SCREENS } from "./screens";
import "./frame.css";

const ToApprove = later(async () => (await import("../waiting/to-approve")).ToApprove);

/** The screens, what runs cost, whether the page is live, and whose it is. */
export function Header() {
  const viewer = useViewer();
  const [location] = useLocation();
  const screens = SCREENS.filter(({ need }) => need === null || viewer[need]);
  return (
    <HeaderRow>
      <nav aria-label="Screens">
        {screens.map(({ path, name }) => (
          <Link
            key={path}
            href={path}
            aria-current={location.startsWith(path) ? "page" : undefined}
          >
            {name}
            {path === "/waiting" && viewer.may("jobs:approve") && <ToApprove />}
          </Link>
        ))}
      </nav>
      <span className={IS_SANDBOX ? "chip" : "chip warning"}>
        {IS_SANDBOX ? "Sandbox: runs are free" : "Runs cost money"}
      </span>
      <Live />
      <AccountMenu />
    </HeaderRow>
  );
}

/** The header of a page that knows nothing yet has no more than this. */
export function HeaderRow({ children }: { readonly children?: ReactNode }) {
  return (
    <header className="frame-header">
      <div className="row">
        <span className="row frame-brand">
          <img src={`${import.meta.env.BASE_URL}icon.svg`} alt="" width="28" height="28" />
          <span>RunComfy console</span>
        </span>
        {children}
      </div>
    </header>
  );
}

/** Whether the page is live: whether changes reach it. */
function Live() {
  const { mayRead } = useViewer();
  const { kind } = useConnection();
  const silence = useStore(useSession().feed.silence);
  const [words, color] = {
    idle: [mayRead ? "connecting" : "not live", "warning"],
    connected: silence === "" ? ["live", "status-succeeded"] : ["not live", "warning"],
    away: ["reconnecting", "warning"],
    refused: ["not live", "issue"],
  }[kind];
  return (
    <span role="status" className="row tight hint">
      <span aria-hidden="true" className={color}>
        ●
      </span>
      <span className="sentence">{words}</span>
    </span>
  );
}
