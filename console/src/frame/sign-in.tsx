import { useEffect, useRef } from "react";

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
        <button onClick={() => dialog.current?.showModal()}>Sign in again</button>
      </div>
      <dialog ref={dialog} aria-label="Sign in again">
        <SignIn {...props} />
      </dialog>
    </>
  );
}

/** Asks for the credential that the gateway wants. */
export function SignIn({ reason, onSignIn }: SignInProps) {
  return (
    <form
      className="card"
      action={(form) => {
        const given = form.get("credential");
        if (typeof given !== "string") return;
        const credential = given.trim().replace(/^bearer +/i, "");
        onSignIn(credential, form.has("kept"));
      }}
    >
      <h1>Sign in</h1>
      {reason !== "" && <p role="alert">{reason}</p>}
      <label className="wide">
        API key or token
        <input name="credential" type="password" autoComplete="off" required autoFocus />
      </label>
      <label className="check">
        <input name="kept" type="checkbox" /> Remember it until this tab is closed
      </label>
      <button className="primary">Sign in</button>
      <p className="hint">
        It is kept in this page's memory, and goes to this gateway alone. If it is not accepted, you
        are asked again.
      </p>
    </form>
  );
}
