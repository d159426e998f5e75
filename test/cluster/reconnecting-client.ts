import { createClient } from "graphql-ws";
import { WebSocket } from "ws";

export type ReconnectingClient = ReturnType<typeof createReconnectingClient>;

/** How long until whoever lost something asks again. */
export const RETRY_MS = 250;
const PING_INTERVAL_MS = 1_000;
/** Longer than a slow reader pauses, who reads its pongs late. */
const PONG_TIMEOUT_MS = 4_000;
/** A gateway that is frozen accepts connections, and answers no handshake. */
const HANDSHAKE_TIMEOUT_MS = 4_000;
const SLOW_INTERVAL_MS = 1_600;
const SLOW_PAUSE_MS = 1_200;

/**
 * The stock client as `docs/frontend.md` sets it up, which connects again whenever its connection ends. It connects with
 * its first operation; a slow one reads its socket only a quarter of the time.
 */
export function createReconnectingClient(
  url: string,
  { isSlow = false }: { readonly isSlow?: boolean } = {},
) {
  let connections = 0;
  let pongTimer: NodeJS.Timeout | undefined;
  let socket: WebSocket | undefined;
  const slowTimer = setInterval(() => {
    const paused = socket;
    paused?.pause();
    setTimeout(() => paused?.resume(), SLOW_PAUSE_MS);
  }, SLOW_INTERVAL_MS);
  if (!isSlow) clearInterval(slowTimer);

  const client = createClient({
    url: `${url.replace("http", "ws")}/graphql`,
    webSocketImpl: ImpatientWebSocket,
    connectionAckWaitTimeout: HANDSHAKE_TIMEOUT_MS,
    retryAttempts: Infinity,
    shouldRetry: () => true,
    retryWait: () => new Promise((resolve) => setTimeout(resolve, RETRY_MS)),
    keepAlive: PING_INTERVAL_MS,
    on: {
      opened: (opened) => (socket = opened instanceof WebSocket ? opened : undefined),
      connected: () => (connections += 1),
      // A gateway that is frozen, or cut off, closes nothing.
      ping(received) {
        if (received) return;
        clearTimeout(pongTimer);
        // Cut, not closed: the client hears a socket that is closing to its end, also when it has another one already.
        pongTimer = setTimeout(() => socket?.terminate(), PONG_TIMEOUT_MS);
      },
      pong: () => clearTimeout(pongTimer),
      closed: () => clearTimeout(pongTimer),
    },
  });
  return {
    client,
    /** How often it has connected. */
    connections: () => connections,
    async close(): Promise<void> {
      clearInterval(slowTimer);
      socket?.resume();
      await client.dispose();
    },
  };
}

class ImpatientWebSocket extends WebSocket {
  constructor(url: string | URL, protocols?: string | string[]) {
    super(url, protocols, { handshakeTimeout: HANDSHAKE_TIMEOUT_MS });
  }
}
