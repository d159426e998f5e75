/** What the gateway says of itself in the page that it serves. */
const SAID = document.querySelector<HTMLMetaElement>("meta[name=gateway]")?.content ?? "";

export const IS_SANDBOX = SAID.includes("sandbox");
export const HAS_GRAPHIQL = SAID.includes("graphiql");
/** Whether one signs in once, by a cookie that no script can read. */
export const HAS_SIGN_INS = SAID.includes("login-key");
/** The largest file that may be uploaded. */
export const UPLOAD_MIB = Number(/upload-mib-(\d+)/.exec(SAID)?.[1] ?? 50);

/** Why nothing can be run, and what its operator does about it. */
export const TOKEN_REFUSED =
  "RunComfy refuses this gateway's token, so nothing can be run. Set RUNCOMFY_API_TOKEN to the token of a RunComfy account and start the gateway again, or ask whoever runs it to do so.";
