import { NOTES } from "./rules.ts";
import { VARIABLE_GROUPS } from "./variables.ts";

const WIDTH = 96;

/** The text of `.env.example`. What has a default is commented out, so that a copy changes nothing. */
export function printEnvExample(): string {
  return `${wrap(ENV_HEAD, "# ")}\n\n\n${printVariables()}\n`;
}

/** What `npm start -- --help` prints. */
export function printHelp(): string {
  return `${HELP_HEAD}\n\n${printVariables()}`;
}

/** Lines of a `.env`. */
function printVariables(): string {
  const groups = GROUPS.map(({ title, about, notes }) => {
    const entries = notes.map(({ name, value, unset, description }) =>
      value === null
        ? `${wrap(`${description} Default: ${unset}.`, "# ")}\n${name}=`
        : `${wrap(description, "# ")}\n#${name}=${value}`,
    );
    return [`## ${title}\n${wrap(about, "# ")}`, ...entries].join("\n\n");
  });
  return groups.join("\n\n\n");
}

/** The text of `docs/settings.md`. */
export function printSettingsPage(): string {
  const groups = GROUPS.map(({ title, about, notes }) => {
    const rows = notes.map(({ name, value, unset, description }) => {
      const held = value === null ? unset : `\`${value}\``;
      return `| \`${name}\` | ${held} | ${description} |`;
    });
    return [`## ${title}\n\n${about}\n\n${TABLE_HEAD}`, ...rows].join("\n");
  });
  return `${[PAGE_HEAD, ...groups].join("\n\n")}\n`;
}

const GROUPS = VARIABLE_GROUPS.map(({ title, about, variables }) => {
  const notes = Object.entries(variables).flatMap(([name, rule]) => {
    const note = NOTES.get(rule);
    return note === undefined ? [] : [{ name, ...note }];
  });
  return { title, about, notes };
});

const ENV_HEAD =
  "Copy this file to .env and fill in what you need. The environment beats it, and an empty value counts as unset. docs/settings.md has the same as tables.";

const PAGE_HEAD = `# Settings

For whoever runs the gateway: every variable that it reads, limits included.

- Set variables in the environment, or in the file \`.env\` beside package.json (copy \`.env.example\`). The environment wins.
- An empty value counts as unset.
- Wrong values stop the start, and all of them are listed at once. A name that looks like a slip is a warning.
- Variables are read at the start: restart after a change.
- \`npm start -- --help\` shows this page in a terminal.`;

const TABLE_HEAD = "| variable | default | meaning |\n| --- | --- | --- |";

const HELP_HEAD = `npm start             starts the gateway
npm start -- --help   shows this

Settings are variables, set in the environment or in the file .env beside package.json. The
environment wins, and an empty value counts as unset. \`#NAME=value\` is a default.`;

/** Lines that begin with `indent`, broken between words. */
function wrap(text: string, indent: string): string {
  const lines = text.matchAll(new RegExp(`(.{1,${WIDTH - indent.length}})(?: |$)`, "g"));
  return [...lines].map(([, line]) => `${indent}${line}`).join("\n");
}
