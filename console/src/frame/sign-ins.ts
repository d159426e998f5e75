import { isObject } from "../form/json";

/** Why a credential opens no sign-in, as a sentence; empty once the browser has the cookie of one. */
export async function openSignIn(credential: string): Promise<string> {
  // A header takes no other letters: the quotes around it that a chat has bent, for one.
  if (!/^[ -~]*$/.test(credential)) return REFUSED;
  return await post("/console/sign-in", { authorization: `Bearer ${credential}` });
}

/** Ends the sign-in of this browser, in all its tabs. */
export async function endSignIn(): Promise<string> {
  return await post("/console/sign-out", {});
}

async function post(path: string, headers: Readonly<Record<string, string>>): Promise<string> {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
    });
    if (answer.ok) return "";
    const body: unknown = await answer.json().catch(() => null);
    const [error]: unknown[] =
      isObject(body) && Array.isArray(body["errors"]) ? body["errors"] : [];
    return isObject(error) && typeof error["message"] === "string" ? error["message"] : REFUSED;
  } catch {
    return "The gateway could not be reached. Try again.";
  }
}

export const REFUSED = "This key or token is not accepted. Check it, or ask for another one.";
