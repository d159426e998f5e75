import { useEffect, useRef, useState } from "react";

import { HAS_SIGN_INS } from "../gateway";
import { openSignIn } from "./sign-ins";

export type SignInProps = {
  /** Why the last one was not let in; empty for none. */
  readonly reason: string;
  readonly onSignIn: (credential: string, isKept: boolean) => void;
};

/** Asks for another credential over the page, so that what was typed there stays. */
export function SignInAgain(props: SignInProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <>
      <div className="bar bar-bad">
        <p>
          <button onClick={() => dialog.current?.showModal()}>Sign in again</button>
        </p>
      </div>
      <dialog ref={dialog} aria-label="Sign in again">
        <SignIn {...props} />
      </dialog>
    </>
  );
}

/** Asks for the credential that the gateway wants. */
export function SignIn({ reason, onSignIn }: SignInProps) {
  const [problem, setProblem] = useState(reason);

  async function enter(form: FormData): Promise<void> {
    const given = form.get("credential");
    if (typeof given !== "string") return;
    const credential = given.trim().replace(/^bearer +/i, "");
    if (!HAS_SIGN_INS) return onSignIn(credential, form.has("kept"));
    const refusal = await openSignIn(credential);
    setProblem(refusal);
    // From now on the browser has what is needed.
    if (refusal === "") onSignIn("", false);
  }

  return (
    <form className="card" action={enter}>
      <h1>Sign in</h1>
      {problem !== "" && <p role="alert">{problem}</p>}
      <label className="field">
        API key or token
        <input name="credential" type="password" autoComplete="off" required autoFocus />
      </label>
      {!HAS_SIGN_INS && (
        <label className="check">
          <input name="kept" type="checkbox" /> Remember it until this tab is closed
        </label>
      )}
      <button className="primary">Sign in</button>
      <p className="hint">
        {HAS_SIGN_INS
          ? "You stay signed in on this browser for up to 30 days, or until you sign out. The page does not keep what you give."
          : "It is kept in this page's memory, and goes to this gateway alone. If it is not accepted, you are asked again."}
      </p>
    </form>
  );
}
