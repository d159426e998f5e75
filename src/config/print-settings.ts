import type { Rules } from "./rules.ts";
import { NOTES } from "./rules.ts";
import { VARIABLE_GROUPS } from "./variables.ts";

type Parts = readonly { readonly settings?: Rules }[];

/**
 * The text of `.env.example`, which `--help` prints too. What has a default is commented out, so that a copy changes
 * nothing. `docs` is where the pages are, which it names by their paths: nobody can follow a link of Markdown here.
 */
export function printEnvExample(parts: Parts, docs = "docs"): string {
  const comment = (text: string) =>
    wrap(text.replaceAll(/\[.+?\]\(([^)#]+).*?\)/g, (_, page) => `${docs}/${page}`));
  const groups = toGroups(parts).map(({ title, about, notes }) => {
    const entries = notes.map(({ name, value, unset, description }) =>
      value === null
        ? `${comment(`${description} Default: ${unset}.`)}\n${name}=`
        : `${comment(description)}\n#${name}=${value}`,
    );
    return [`## ${title}\n${comment(about)}`, ...entries].join("\n\n");
  });
  return `${[comment(ENV_HEAD), ...groups].join("\n\n\n")}\n`;
}

/** The text of `docs/settings.md`. */
export function printSettingsPage(parts: Parts): string {
  const groups = toGroups(parts).map(({ title, about, notes }) => {
    const rows = notes.map(({ name, value, unset, description }) => {
      const held = value === null ? unset : `\`${value}\``;
      return `| \`${name}\` | ${held} | ${description} |`;
    });
    return [`## ${title}\n\n${about}\n\n${TABLE_HEAD}`, ...rows].join("\n");
  });
  return `${[PAGE_HEAD, ...groups].join("\n\n")}\n`;
}

/** The settings in groups, those of all parts in the last. */
function toGroups(parts: Parts) {
  const ofParts: Rules = Object.assign({}, ...parts.map(({ settings }) => settings));
  const groups = [...VARIABLE_GROUPS, { ...GROUP_OF_PARTS, variables: ofParts }];
  return groups.map(({ title, about, variables }) => {
    const notes = Object.entries(variables).flatMap(([name, rule]) => {
      const note = NOTES.get(rule);
      return note === undefined ? [] : [{ name, ...note }];
    });
    return { title, about, notes };
  });
}

const GROUP_OF_PARTS = {
  title: "Parts",
  about: "Features beyond jobs and files. One that is off is not loaded.",
};

const ENV_HEAD =
  "Settings of the gateway. Set them in the environment, or save a copy of this text as .env in the folder where you start it. The environment takes precedence, and an empty value counts as unset. `#NAME=value` is a default. [settings.md](settings.md) has the same as tables.";

const PAGE_HEAD = `# Settings

For operators: every variable that the gateway reads, limits included.

- Set variables in the environment, or in the file \`.env\` of the folder where you start the gateway (copy \`.env.example\`). With \`npm start\` that is the folder of package.json. The environment takes precedence.
- An empty value counts as unset.
- The gateway doesn't start with invalid values, and lists all of them at once. A name that looks misspelt is a warning.
- The gateway reads variables when it starts: restart it after a change.
- \`npm start -- --help\`, or \`npx --no -- runcomfy-graphql --help\` with the package, shows these settings in a terminal.`;

const TABLE_HEAD = "| variable | default | meaning |\n| --- | --- | --- |";

/** Lines of a comment, broken between words. */
function wrap(text: string): string {
  const lines = text.matchAll(/(\S{95,}|.{1,94})(?: |$)/g);
  return [...lines].map(([, line]) => `# ${line}`).join("\n");
}
