import { once } from "node:events";
import type { Socket } from "node:net";
import { connect, createServer } from "node:net";

/**
 * Stands before a Postgres as PgBouncer does: lets everybody in, and lends a client one of its own sessions for a
 * transaction at a time. The one that was given back last is lent first, and what a session says while nobody has it is
 * lost.
 */
export type TransactionPooler = {
  /** The database, as seen through it. */
  readonly url: string;
  /** From now on a client keeps the session that it is lent next (pooler in session mode), or gives it back again. */
  setMode(mode: "transaction" | "session"): void;
  /** How many clients have come. */
  clients(): number;
  close(): Promise<void>;
};

type Session = { readonly socket: Socket; client: Client | null };
type Client = { readonly socket: Socket; session: Session | null };

const AUTHENTICATION_OK = Buffer.from("R\0\0\0\x08\0\0\0\0", "latin1");
const READY = Buffer.from("Z\0\0\0\x05I", "latin1");

/** Starts one before this database, whose server takes passwords in clear. */
export async function startTransactionPooler(databaseUrl: string): Promise<TransactionPooler> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  const idle: Session[] = [];
  let mode: "transaction" | "session" = "transaction";
  let clients = 0;

  function keep(socket: Socket): Socket {
    sockets.add(socket);
    return socket
      .setNoDelay(true)
      .on("error", () => socket.destroy())
      .on("close", () => sockets.delete(socket));
  }

  const server = createServer((socket) => {
    clients += 1;
    const client: Client = { socket: keep(socket), session: null };
    // The first packet names user and database, which are the pooler's own for everybody.
    socket.once("data", () => {
      socket.write(Buffer.concat([AUTHENTICATION_OK, READY]));
      socket.on("data", (chunk) => void pass(client, chunk));
    });
    socket.on("close", () => client.session?.socket.destroy());
  });

  async function pass(client: Client, chunk: Buffer): Promise<void> {
    const isFarewell = client.session === null && chunk[0] === "X".charCodeAt(0);
    if (isFarewell) return void client.socket.end();
    client.socket.pause();
    client.session ??= idle.pop() ?? (await openSession());
    client.session.client = client;
    client.session.socket.write(chunk);
    client.socket.resume();
  }

  async function openSession(): Promise<Session> {
    const session: Session = {
      socket: keep(connect(Number(target.port), target.hostname)),
      client: null,
    };
    const { promise: isReady, resolve } = Promise.withResolvers<void>();
    session.socket.write(startup(target));
    readMessages(session.socket, (kind, message) => {
      const { client } = session;
      if (kind === "R" && message.readInt32BE(5) === 3) {
        session.socket.write(toMessage("p", `${target.password}\0`));
      }
      client?.socket.write(message);
      if (kind !== "Z") return;
      resolve();
      const isInTransaction = message.at(-1) !== "I".charCodeAt(0);
      if (client === null || isInTransaction || mode === "session") return;
      session.client = client.session = null;
      idle.push(session);
    });
    await isReady;
    return session;
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("No TCP address.");
  const url = new URL(databaseUrl);
  url.port = String(address.port);

  return {
    url: url.href,
    setMode: (next) => void (mode = next),
    clients: () => clients,
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function startup(target: URL): Buffer {
  const names = ["user", target.username, "database", target.pathname.slice(1), "", ""];
  const version = Buffer.from([0, 3, 0, 0]);
  const body = Buffer.concat([version, Buffer.from(names.join("\0"))]);
  return Buffer.concat([toLength(body.length + 4), body]);
}

function toMessage(kind: string, body: string): Buffer {
  return Buffer.concat([Buffer.from(kind), toLength(body.length + 4), Buffer.from(body)]);
}

function toLength(length: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(length);
  return buffer;
}

/** Hears each message of a server, whole: a letter, four bytes of length that count themselves, and the rest. */
function readMessages(socket: Socket, hear: (kind: string, message: Buffer) => void): void {
  let unread: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    unread = Buffer.concat([unread, chunk]);
    while (unread.length >= 5 && unread.length > unread.readInt32BE(1)) {
      const end = unread.readInt32BE(1) + 1;
      hear(unread.toString("latin1", 0, 1), unread.subarray(0, end));
      unread = unread.subarray(end);
    }
  });
}
