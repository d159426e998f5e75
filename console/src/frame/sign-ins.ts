import { HAS_SIGN_INS } from "../session/gateway";
import { forget } from "./boundary";

/** Why a credential opens no sign-in, as a sentence; empty once the browser has the cookie of one. */
export async function openSignIn(credential: string): Promise<string> {
  return await post("/sign-in", { authorization: `Bearer ${credential}` });
}

/** Signs out, with all tabs where they share a cookie; resolves with why one still is signed in. */
export async function signOut(): Promise<string> {
  const problem = HAS_SIGN_INS ? await post("/sign-out", {}) : "";
  if (problem !== "") return problem;
  // With it goes what was typed: the next one may be somebody else.
  forget();
  location.assign("/");
  return "";
}

async function post(path: string, headers: Readonly<Record<string, string>>): Promise<string> {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
    });
    if (answer.ok) return "";
    const body: Refusal | null = await answer.json().catch(() => null);
    return body?.errors?.[0]?.message ?? REFUSED;
  } catch {
    return "The gateway could not be reached. Try again.";
  }
}

/** As the gateway answers; what stands before it may answer anything. */
type Refusal = { readonly errors?: readonly { readonly message?: string }[] };

export const REFUSED = "This key or token is not accepted. Check it, or ask for another one.";
