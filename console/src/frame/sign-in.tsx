import { useState } from "react";

import { HAS_SIGN_INS } from "../session/gateway";
import { useSession } from "../session/session";
import { focus } from "../ui/focus";
import { openSignIn, REFUSED } from "./sign-ins";

/** Asks for the credential that the gateway wants; `reason` is why the last one was refused, or empty. */
export function SignIn({ reason }: { readonly reason: string }) {
  const { signIn } = useSession();
  const [problem, setProblem] = useState(reason);

  async function enter(form: FormData): Promise<void> {
    const given = form.get("credential");
    if (typeof given !== "string") return;
    const credential = given.trim().replace(/^bearer +/i, "");
    // A header takes no other letters: the quotes around a key that a chat has bent, for one.
    if (!/^[ -~]*$/.test(credential)) return setProblem(REFUSED);
    if (!HAS_SIGN_INS) return signIn(credential, form.has("kept"));
    const refusal = await openSignIn(credential);
    setProblem(refusal);
    // From now on the browser has what is needed.
    if (refusal === "") signIn("", false);
  }

  return (
    <form
      className="card"
      onSubmit={(event) => {
        event.preventDefault();
        const form = event.currentTarget;
        void enter(new FormData(form)).then(() => form.reset());
      }}
    >
      <h1>Sign in</h1>
      {problem !== "" && <p role="alert">{problem}</p>}
      <label className="field">
        API key or token
        <input name="credential" type="password" autoComplete="off" required ref={focus} />
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
