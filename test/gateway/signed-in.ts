import { onTestFinished } from "vitest";
import { WebSocket } from "ws";

import { post } from "../server/serve.ts";

type Headers = Readonly<Record<string, string>>;

/** Posts to a path of the console as its page would, unless headers say otherwise. */
export function postTo(url: string, path: string, headers: Headers = {}): Promise<Response> {
  return post(`${url}/${path}`, "{}", { origin: url, ...headers });
}

/** Signs in as the gateway's own page, and gives the cookie as a browser sends it. */
export async function signIn(url: string, credential: string, headers: Headers = {}) {
  const response = await postTo(url, "sign-in", {
    authorization: `Bearer ${credential}`,
    ...headers,
  });
  if (response.status !== 204) throw new Error(await response.text());
  return toCookie(response);
}

export function toCookie(response: Response): string {
  return response.headers.get("set-cookie")?.split(";", 1)[0] ?? "";
}

/** What is answered to a query of who asks: a status, and the owner or the code of the error. */
export async function askWho(url: string, headers: Headers): Promise<readonly unknown[]> {
  const response = await post(`${url}/graphql`, { query: "{ viewer { id } }" }, headers);
  const { data, errors } = JSON.parse(await response.text());
  return [response.status, data?.viewer.id ?? errors[0].extensions.code];
}

/** A socket whose upgrade has these headers; it ends with the test. */
export function openSocketWith(url: string, headers: Headers): WebSocket {
  const address = `${url.replace("http", "ws")}/graphql`;
  const socket = new WebSocket(address, "graphql-transport-ws", { headers });
  onTestFinished(() => socket.terminate());
  return socket;
}
