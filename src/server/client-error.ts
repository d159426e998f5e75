import type { Server } from "node:http";
import type { Duplex } from "node:stream";

import type { Config } from "../config/load-config.ts";
import type { Refusal } from "./refuse.ts";
import { refuseConnection } from "./refuse.ts";

type Limits = Pick<Config["limits"]["http"], "headersBytes" | "headersSeconds" | "requestSeconds">;

/**
 * Answers what is no HTTP, too large or too slow to become a request, and what only a proxy could serve, and closes the
 * connection.
 */
export function answerClientErrors(
  server: Server,
  options: Limits & {
    /** Whether an answer is on its way already, which a second one would only garble. */
    readonly isAnswered: (socket: Duplex) => boolean;
  },
): void {
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === "ECONNRESET" || options.isAnswered(socket))
      socket.destroy();
    else refuseConnection(socket, explain(error.code ?? "", options));
  });
  server.on("connect", (_request, connection) => refuseConnection(connection, NO_PROXY));
}

function explain(code: string, { headersBytes, headersSeconds, requestSeconds }: Limits): Refusal {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return {
        status: 431,
        code: "HEADERS_TOO_LARGE",
        limit: headersBytes,
        message: `The request's headers are larger than ${headersBytes / 1_024} KiB. Send fewer or shorter ones, and long queries by POST.`,
      };
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return {
        status: 408,
        code: "REQUEST_TIMEOUT",
        message: `The request took too long to arrive: its headers may take ${headersSeconds} s, and all of it ${requestSeconds} s. Send it at once, over a new connection.`,
      };
    default:
      return {
        status: 400,
        code: "BAD_REQUEST",
        message: "This is not a well-formed HTTP request. Send it with an HTTP client's library.",
      };
  }
}

const NO_PROXY: Refusal = {
  status: 405,
  code: "METHOD_NOT_ALLOWED",
  message: "The gateway is no proxy. Send GET or POST.",
  headers: { allow: "GET, POST, OPTIONS" },
};
