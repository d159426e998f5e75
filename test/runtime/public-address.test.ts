import fc from "fast-check";
import { expect, test } from "vitest";

import { publicUrlProblem } from "../../src/runtime/public-address.ts";

const LONG = "https://files.example/";

const PUBLIC = `
  https://files.example/x.png https://example.com./x.png HTTPS://EXAMPLE.COM/X.PNG
  https://playgrounds-storage-public.runcomfy.net/tools/7063/media-files/usecase1-1-input.webp
  https://example.com:8443/x.png https://example.com?name=a%20b&list=1,2 https://example.com/a@b/x.png?mail=a@b#c@d
  https://example.com/%5Cx.png?next=http://127.0.0.1/ https://example.com/Bäume/🌳.png https://bücher.example/x.png
  https://例え.テスト/x.png https://xn--bcher-kva.example/x.png https://my_bucket.s3.amazonaws.com/x.png
  https://localhost.example.com/x.png https://notlocal.dev/x.png https://10.example.com/x.png https://8.8.8.8/x.png
  https://168.63.129.17/x.png https://[2606:4700:4700::1111]/x.png https://[2606:4700:4700:0:0::1111]:8443/x.png
  https://[::ffff:8.8.8.8]/x.png ${LONG.padEnd(2_048, "x")}`;

test.for(PUBLIC.trim().split(/\s+/))("%s is public", (url) => {
  expect(publicUrlProblem(url)).toBeNull();
});

test.for([
  ["", /^must start with https:/],
  ["http://example.com/x.png", /^must start with https:/],
  ["https:example.com/x.png", /^must start with https:/],
  ["httpſ://example.com/x.png", /^must start with https:/],
  ["data:image/png;base64,AAAA", /^must start with https:/],
  [" https://example.com/x.png", /spaces, control characters or backslashes/],
  ["https://example.com/a b.png", /spaces, control characters or backslashes/],
  ["ht\ntps://example.com/x.png", /spaces, control characters or backslashes/],
  ["https://example.com/\u0085", /spaces, control characters or backslashes/],
  ["\uFEFFhttps://example.com/x.png", /spaces, control characters or backslashes/],
  ["https://example.com\\@127.0.0.1/x.png", /spaces, control characters or backslashes/],
  ["https:\\\\example.com\\x.png", /spaces, control characters or backslashes/],
  ["https://user:secret@example.com/x.png", /user name/],
  ["https://@example.com/x.png", /user name/],
  ["https://example.com@127.0.0.1/x.png", /user name/],
  ["https://%31%32%37.0.0.1/x.png", /no % in its host/],
  ["https://user%40example.com/x.png", /no % in its host/],
  ["https://127.0.0.1%2f.example.com/x.png", /no % in its host/],
  ["https://[fe80::1%25eth0]/x.png", /no % in its host/],
  ["https://", /no valid URL/],
  ["https:///example.com/x.png", /no valid URL/],
  ["https://example.com:99999/x.png", /no valid URL/],
  ["https://example.com／127.0.0.1/x.png", /no valid URL/],
  ["https://user＠example.com/x.png", /no valid URL/],
  ["https://exam|ple.com/x.png", /no valid URL/],
  ["https://1.2.3.4.5/x.png", /no valid URL/],
  ["https://[::1/x.png", /no valid URL/],
  // Of public addresses, but not so to every parser.
  ["https://010.0.0.1/x.png", /four decimal numbers/],
  ["https://134744072/x.png", /four decimal numbers/],
  ["https://0x08080808/x.png", /four decimal numbers/],
  ["https://8.8.8.8./x.png", /four decimal numbers/],
] as const)("%j is refused: %s", ([url, problem]) => {
  expect(publicUrlProblem(url)).toMatch(problem);
});

/** The IPv4 addresses are further below. */
const HOSTS = `
  localhost LOCALHOST localhost. localhost.. ｌocalhost localhost。 loc\u00ADalhost api.localhost printer.local
  localhost.localdomain metadata.google.internal wiki.intranet vault.private nas.home nas.home.arpa onion.lan
  1.0.0.127.in-addr.arpa example.onion a.i2p metadata.goog kubernetes.default.svc db.service.consul a.cluster a.corp
  a.test a.invalid metadata example example..com .example.com example.com.. ${"a".repeat(64)}.example 127.0.0.1:8443
  0x7f.1 ①②⑦.0.0.1 [::] [::1] [0000:0000:0000:0000:0000:0000:0000:0001]:443 [::FFFF:169.254.169.254] [64:ff9b:1::a00:1]
  [2001:0:a00:1::1] [2606:4700::200:5efe:10.0.0.1] [fe80::1] [fec0::1] [fc00::1] [fd00:ec2::254] [ff02::1]
  [2001:db8::1] [100::1] [4000::1]`;

test.for(HOSTS.trim().split(/\s+/))("the host %s is not public", (host) => {
  expect(publicUrlProblem(`https://${host}/x.png`)).toMatch(/^must be on a public host/);
  expect(publicUrlProblem(`hTTps://${host}?x`)).toMatch(/^must be on a public host/);
});

test("a text over 2,048 characters is refused for its length, whatever else is wrong with it", () => {
  expect(publicUrlProblem(LONG.padEnd(2_049, "x"))).toMatch(/^must be at most 2,048 characters/);
  expect(publicUrlProblem(" ".repeat(2_049))).toMatch(/^must be at most 2,048 characters/);
});

/** First and last address of what is not public, as the registries of special addresses list it. */
const SPECIAL = `
  0.0.0.0-0.255.255.255 10.0.0.0-10.255.255.255 100.64.0.0-100.127.255.255 127.0.0.0-127.255.255.255
  169.254.0.0-169.254.255.255 172.16.0.0-172.31.255.255 192.0.0.0-192.0.0.255 192.0.2.0-192.0.2.255
  192.31.196.0-192.31.196.255 192.52.193.0-192.52.193.255 192.88.99.0-192.88.99.255 192.168.0.0-192.168.255.255
  192.175.48.0-192.175.48.255 198.18.0.0-198.19.255.255 198.51.100.0-198.51.100.255 203.0.113.0-203.0.113.255
  168.63.129.16-168.63.129.16 224.0.0.0-255.255.255.255`
  .trim()
  .split(/\s+/)
  .map((range) => range.split("-").map(toNumber))
  .map(([min = 0, max = 0]) => ({ min, max }));

const PRIVATE_ADDRESS = fc.oneof(...SPECIAL.map((range) => fc.integer(range)));
const PUBLIC_ADDRESS = fc
  .integer({ min: 0, max: 0xffffffff })
  .filter((address) => !SPECIAL.some(({ min, max }) => min <= address && address <= max));

const SPELLINGS: readonly ((address: number) => string)[] = [
  toDotted,
  (address) => `${toDotted(address)}.`,
  (address) => `${toDotted(address)}..`,
  (address) => String(address),
  (address) => `0x${address.toString(16)}`,
  (address) => `0${address.toString(8)}`,
  (address) => spellParts(address, (part) => `0x${part.toString(16)}`),
  (address) => spellParts(address, (part) => `0${part.toString(8)}`),
  (address) => spellParts(address, (part) => part.toString().padStart(3, "0")),
  (address) => `${Math.floor(address / 2 ** 24)}.${address % 2 ** 24}`,
  (address) => `${toParts(address).slice(0, 2).join(".")}.${address % 2 ** 16}`,
  (address) =>
    toDotted(address).replaceAll(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
  (address) => toDotted(address).replaceAll(".", "。"),
  (address) => toDotted(address).replaceAll(/\d/g, (digit) => `%3${digit}`),
  (address) => `[::${toDotted(address)}]`,
  (address) => `[::ffff:${toDotted(address)}]`,
  (address) => `[0:0:0:0:0:FFFF:${toGroups(address)}]`,
  (address) => `[::ffff:0:${toDotted(address)}]`,
  (address) => `[64:ff9b::${toDotted(address)}]`,
  (address) => `[2002:${toGroups(address)}::1]`,
  (address) => `[2606:4700::5efe:${toDotted(address)}]`,
];

test("no address that is not public passes in any spelling", () => {
  fc.assert(
    fc.property(PRIVATE_ADDRESS, fc.constantFrom(...SPELLINGS), (address, spell) => {
      expect(publicUrlProblem(`https://${spell(address)}/x.png`)).not.toBeNull();
    }),
    { numRuns: 400 },
  );
});

test("every public address passes as it is usually written", () => {
  fc.assert(
    fc.property(PUBLIC_ADDRESS, (address) => {
      expect(publicUrlProblem(`https://${toDotted(address)}/x.png`)).toBeNull();
      expect(publicUrlProblem(`https://[::ffff:${toGroups(address)}]:443/x.png`)).toBeNull();
    }),
    { numRuns: 100 },
  );
});

test("whatever the text, the answer does not repeat it", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(publicUrlProblem(`https://secret${text}`) ?? "").not.toContain("secret");
    }),
  );
});

function toParts(address: number): number[] {
  return [24, 16, 8, 0].map((bits) => (address >>> bits) & 0xff);
}

function spellParts(address: number, spell: (part: number) => string): string {
  return toParts(address).map(spell).join(".");
}

function toDotted(address: number): string {
  return spellParts(address, String);
}

function toGroups(address: number): string {
  return `${(address >>> 16).toString(16)}:${(address & 0xffff).toString(16)}`;
}

function toNumber(dotted: string): number {
  return dotted.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}
