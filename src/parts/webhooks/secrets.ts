/** What signs calls, as its row has it. `now` is by the database's clock. */
export type SecretRow = {
  readonly secret: string;
  /** JSON: those before it that sign too, the newest first. */
  readonly old_secrets: string;
  readonly now: number;
};

type OldSecret = { readonly secret: string; readonly until: number };

/** For how long a secret signs too once it is replaced. */
const OLD_SECRET_MS = 24 * 60 * 60_000;
/** With the one in use, as many signatures as a call has at most. */
const MAX_OLD_SECRETS = 9;

/** All that sign, the newest first. */
export function toSecrets(row: SecretRow): readonly string[] {
  return [row.secret, ...readOld(row).map(({ secret }) => secret)];
}

/** The column `old_secrets` once another secret replaces the one in use. */
export function toOldSecrets(row: SecretRow): string {
  const replaced = { secret: row.secret, until: row.now + OLD_SECRET_MS };
  return JSON.stringify([replaced, ...readOld(row)].slice(0, MAX_OLD_SECRETS));
}

function readOld({ old_secrets: text, now }: SecretRow): readonly OldSecret[] {
  const all: readonly OldSecret[] = JSON.parse(text);
  return all.filter(({ until }) => until > now);
}
