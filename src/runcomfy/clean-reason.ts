const LONGEST_REASON = 500;

/** More than this is never looked at, so that a huge text costs nothing. */
const LONGEST_TEXT = 4_000;

const REMOVED = "[removed]";

/** Whatever may tell an address: from the plain to the guessed, since what one leaves the next may still take. */
const ADDRESSES = [
  // https://…, s3://…, data:…
  /\b(?:[a-z][a-z0-9+.-]*:\/\/|(?:data|mailto|blob|file):)[^\s"'<>`]+/gi,
  // somebody@example.com
  /[\w.+-]+@[\w-]+(?:\.[\w-]+)*/g,
  // C:\folder\file, \\server\share
  /(?:\b[a-z]:\\|\\\\)[^\s"'<>`]+/gi,
  // 10.0.0.7:8188/path
  /\b\d{1,3}(?:\.\d{1,3}){3}\b(?::\d+)?(?:\/[^\s"'<>`]*)?/g,
  // [fe80::1]:8188, 2001:db8::7, ::1
  /\[?(?:\b[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){7}|(?:\b[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?::(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?)(?:%\w+)?\]?(?::\d+)?/gi,
  // localhost:8188, ip-10-0-3-7
  /\b(?:localhost|ip-\d+-\d+-\d+-\d+)\b(?:\.[\w-]+)*(?::\d+)?(?:\/[^\s"'<>`]*)?/gi,
  // worker-3.example:8188, redis-master:6379, host.example/path
  /\b(?:[\w-]+(?:\.[\w-]+)+|\w+(?:-\w+)+)(?::\d{2,5}\b(?:\/[^\s"'<>`]*)?|(?<=\.[a-z]+)\/[^\s"'<>`]*)/gi,
  // storage.runcomfy.net, db.internal: only by endings that are no file's or module's, since `torch.cuda` is no host
  /\b[\w-]+(?:\.[\w-]+)*\.(?:com|net|org|io|ai|dev|cloud|app|co|cn|us|eu|uk|de|me|tech|run|internal|intranet|local|localdomain|lan|corp|cluster|svc|test|example|invalid)\b\.?/gi,
  // /root/models/x, //host/path
  /(?<![\w)\]])\/{1,2}\w[^\s"'<>`,;)]*/g,
] as const;

/**
 * The upstream's own words as clients may see them: at most 500 characters, one line, without URLs, addresses, paths or
 * debug information. Null when nothing worth reading is left.
 */
export function cleanReason(text: string): string | null {
  let reason = text
    .slice(0, LONGEST_TEXT)
    .replace(/["']?debug_?info[^]*/i, "")
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");
  for (const address of ADDRESSES) reason = reason.replace(address, REMOVED);
  reason = reason.replace(/\s+/g, " ").trim().toWellFormed();
  if (!/[\p{L}\p{N}]/u.test(reason.replaceAll(REMOVED, ""))) return null;
  if (reason.length <= LONGEST_REASON) return reason;
  return `${reason.slice(0, LONGEST_REASON - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}
