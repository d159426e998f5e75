const MAX_REASON_LENGTH = 500;

/** Never reads further than this, so that a huge text costs nothing. */
const MAX_TEXT_LENGTH = 1_000;

/** A cut may leave an address that can't be recognised as one, so the last word goes too, up to this long. */
const MAX_CUT_WORD_LENGTH = 256;

const REMOVED = "[removed]";

/**
 * Whatever may be an address: from the plain to the guessed, since what one leaves the next may still take. Every run
 * before the distinctive part is bounded (63 characters are a host's longest label, 64 a mailbox's name), since it is
 * tried again from each of its characters.
 */
const ADDRESSES = [
  // https://…, s3://…, data:…
  /\b(?:[a-z][a-z0-9+.-]{0,31}:\/\/|(?:data|mailto|blob|file):)[^\s"'<>`]+/gi,
  // somebody@example.com
  /[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,9}/g,
  // C:\folder\file, \\server\share
  /(?:\b[a-z]:\\|\\\\)[^\s"'<>`]+/gi,
  // 10.0.0.7:8188/path
  /\b\d{1,3}(?:\.\d{1,3}){3}\b(?::\d+)?(?:\/[^\s"'<>`]*)?/g,
  // [fe80::1]:8188, 2001:db8::7, ::1
  /\[?(?:\b[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){7}|(?:\b[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6})?::(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6})?)(?:%\w+)?\]?(?::\d+)?/gi,
  // localhost:8188, ip-10-0-3-7
  /\b(?:localhost|ip(?:-\d{1,3}){4})\b(?:\.[\w-]{1,63}){0,9}(?::\d+)?(?:\/[^\s"'<>`]*)?/gi,
  // worker-3.example:8188, redis-master:6379, host.example/path
  /\b(?:[\w-]{1,63}(?:\.[\w-]{1,63}){1,9}|\w{1,63}(?:-\w{1,63}){1,9})(?::\d{2,5}\b(?:\/[^\s"'<>`]*)?|(?<=\.[a-z]{1,63})\/[^\s"'<>`]*)/gi,
  // storage.runcomfy.net, db.internal: only by endings that are no file's or module's, since `torch.cuda` is no host
  /\b[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}\.(?:com|net|org|io|ai|dev|cloud|app|co|cn|us|eu|uk|de|me|tech|run|internal|intranet|local|localdomain|lan|corp|cluster|svc|test|example|invalid)\b\.?/gi,
  // /root/models/x, //host/path
  /(?<![\w)\]])\/{1,2}\w[^\s"'<>`,;)]*/g,
] as const;

/**
 * The upstream's own words as clients may see them: at most 500 characters, one line, without URLs, addresses, paths or
 * debug information. Null when nothing worth reading is left.
 */
export function cleanReason(text: string): string | null {
  let reason = cut(text)
    .replace(/["']?debug_?info[^]*/i, "")
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");
  for (const address of ADDRESSES) reason = reason.replace(address, REMOVED);
  reason = reason.replace(/\s+/g, " ").trim().toWellFormed();
  if (!/[\p{L}\p{N}]/u.test(reason.replaceAll(REMOVED, ""))) return null;
  if (reason.length <= MAX_REASON_LENGTH) return reason;
  return `${reason.slice(0, MAX_REASON_LENGTH - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

function cut(text: string): string {
  if (text.length <= MAX_TEXT_LENGTH) return text;
  const lastWordAt = text.lastIndexOf(" ", MAX_TEXT_LENGTH);
  return text.slice(0, Math.max(lastWordAt, MAX_TEXT_LENGTH - MAX_CUT_WORD_LENGTH));
}
