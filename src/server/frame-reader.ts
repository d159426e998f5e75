/** What one chunk of bytes told of the client's messages. */
type Read = {
  /** Whether a message has ended in it. */
  readonly hasEnded: boolean;
  /** Whether one is not there in full when it ends. */
  readonly isUnfinished: boolean;
  /** What the largest message that it is of takes, as far as its frames say. */
  readonly largestBytes: number;
};

const LONGEST_HEAD_BYTES = 14;
const KIND = 0x0f;
const FIRST_CONTROL_KIND = 0x8;
const TOP_BIT = 0x80;

/**
 * Follows the frames of a WebSocket's client by their heads alone (RFC 6455, 5.2), because ws tells nothing of a message
 * before it is there in full. Whatever breaks the protocol is left to ws, which closes the socket.
 */
export function createFrameReader(): { read(chunk: Buffer): Read } {
  const head = Buffer.alloc(LONGEST_HEAD_BYTES);
  let headBytes = 0;
  /** What the frame's payload lacks. */
  let leftBytes = 0;
  let isData = false;
  let isLast = false;
  /** Of the message's frames so far; null between two messages. */
  let messageBytes: number | null = null;

  return {
    read(chunk) {
      let hasEnded = false;
      let largestBytes = 0;
      for (let place = 0; place < chunk.length;) {
        if (leftBytes > 0) {
          const readBytes = Math.min(leftBytes, chunk.length - place);
          place += readBytes;
          leftBytes -= readBytes;
        } else {
          head.writeUInt8(chunk.readUInt8(place), headBytes);
          place += 1;
          headBytes += 1;
          if (headBytes < toHeadBytes(head, headBytes)) continue;
          beginFrame();
          largestBytes = Math.max(largestBytes, messageBytes ?? 0);
        }
        if (leftBytes > 0 || !isData || !isLast) continue;
        messageBytes = null;
        hasEnded = true;
      }
      return { hasEnded, largestBytes, isUnfinished: messageBytes !== null || headBytes > 0 };
    },
  };

  function beginFrame(): void {
    const first = head.readUInt8(0);
    headBytes = 0;
    leftBytes = toPayloadBytes(head);
    isData = (first & KIND) < FIRST_CONTROL_KIND;
    isLast = (first & TOP_BIT) !== 0;
    if (isData) messageBytes = (messageBytes ?? 0) + leftBytes;
  }
}

/** With the mask, as far as the bytes that are known tell. */
function toHeadBytes(head: Buffer, knownBytes: number): number {
  if (knownBytes < 2) return 2;
  const second = head.readUInt8(1);
  return 2 + toLengthBytes(second) + (second & TOP_BIT ? 4 : 0);
}

function toLengthBytes(second: number): number {
  const short = second & ~TOP_BIT;
  if (short === 127) return 8;
  return short === 126 ? 2 : 0;
}

function toPayloadBytes(head: Buffer): number {
  const second = head.readUInt8(1);
  switch (toLengthBytes(second)) {
    case 8:
      return Number(head.readBigUInt64BE(2));
    case 2:
      return head.readUInt16BE(2);
    default:
      return second & ~TOP_BIT;
  }
}
