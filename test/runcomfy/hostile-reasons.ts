/** What a text may repeat to make a careless expression look at it again and again. */
export const HOSTILE_PARTS = [
  "a",
  "a.",
  "a-",
  "a-b.",
  "a_-",
  "ab:",
  "1.",
  "1.1.1.",
  ":",
  "-",
  "/",
  "a@",
  "[",
  "ip-1-",
];
