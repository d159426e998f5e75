import { openSocket } from "../support/raw-socket.ts";

const KEY = "AAAAAAAAAAAAAAAAAAAAAA==";
const TEXT = 0x1;
const CLOSE = 0x8;
const PONG = 0xa;
const ABNORMAL = 1006;

/** A frame of a client. Flags and lengths may lie. */
export type Frame = {
  readonly opcode: number;
  readonly payload?: string | Buffer;
  /** Left out: true. */
  readonly isLast?: boolean;
  readonly reservedBits?: number;
  /** Left out: true. */
  readonly isMasked?: boolean;
  /** Left out: the payload's. */
  readonly length?: bigint;
};

/** One that speaks in bytes, so that it can break every rule. */
export type RawWebSocket = Awaited<ReturnType<typeof openRawWebSocket>>;

/** Shakes hands on `/graphql`; the frames go out without waiting for the answer. */
export async function openRawWebSocket(port: number, protocol = "graphql-transport-ws") {
  const socket = await openSocket(port);
  const messages: string[] = [];
  const pongs: string[] = [];
  const closed = new Promise<number>((resolve) => {
    let received = Buffer.alloc(0);
    let isShaken = false;
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (!isShaken) {
        const end = received.indexOf("\r\n\r\n");
        if (end < 0) return;
        isShaken = true;
        received = received.subarray(end + 4);
      }
      for (let frame = readFrame(received); frame !== null; frame = readFrame(received)) {
        received = received.subarray(frame.size);
        if (frame.opcode === TEXT) messages.push(frame.payload.toString());
        if (frame.opcode === PONG) pongs.push(frame.payload.toString());
        if (frame.opcode === CLOSE) resolve(frame.payload.readUInt16BE());
      }
    });
    socket.once("close", () => resolve(ABNORMAL));
  });
  socket.write(
    `GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Protocol: ${protocol}\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n`,
  );
  const send = (...frames: readonly Frame[]): void => {
    if (socket.writable) socket.write(Buffer.concat(frames.map(toBytes)));
  };
  return {
    socket,
    /** The texts that came so far. */
    messages,
    /** The payloads of the pongs that came so far. */
    pongs,
    /** The code that the server closes it with, which it leaves without an answer; 1006 when it is cut. */
    closed,
    send,
    /** Sends each as JSON in a text frame. */
    say: (...said: readonly unknown[]): void =>
      send(...said.map((one) => ({ opcode: TEXT, payload: JSON.stringify(one) }))),
  };
}

/** A frame in bytes; its mask is of zeros, so that the payload stays as it is. */
export function toBytes(frame: Frame): Buffer {
  const { opcode, payload = "", isLast = true, reservedBits = 0, isMasked = true } = frame;
  const body = Buffer.from(payload);
  const length = frame.length ?? BigInt(body.length);
  const mask = isMasked ? 0x80 : 0;
  const first = (isLast ? 0x80 : 0) | (reservedBits << 4) | opcode;
  const head = Buffer.alloc(14);
  head.writeUInt8(first, 0);
  let size = 2;
  if (length < 126n) head.writeUInt8(mask | Number(length), 1);
  else if (length < 65_536n) {
    head.writeUInt8(mask | 126, 1);
    head.writeUInt16BE(Number(length), 2);
    size = 4;
  } else {
    head.writeUInt8(mask | 127, 1);
    head.writeBigUInt64BE(length, 2);
    size = 10;
  }
  return Buffer.concat([head.subarray(0, size + (isMasked ? 4 : 0)), body]);
}

/** The first frame of a server, which masks nothing; null when it is not there in full. */
function readFrame(bytes: Buffer): { opcode: number; payload: Buffer; size: number } | null {
  if (bytes.length < 2) return null;
  const short = bytes.readUInt8(1) & 0x7f;
  const headSize = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (bytes.length < headSize) return null;
  const length =
    short === 127
      ? Number(bytes.readBigUInt64BE(2))
      : short === 126
        ? bytes.readUInt16BE(2)
        : short;
  const size = headSize + length;
  if (bytes.length < size) return null;
  return { opcode: bytes.readUInt8(0) & 0x0f, payload: bytes.subarray(headSize, size), size };
}
