import { FACTS } from "../src/commands/verify/facts.ts";

const HEADING = "## Every fact";

/** The page on what was verified: its first part as it stands, then all facts by what they are known from. */
export function printVerified(page: string): string {
  const [head = ""] = page.split(HEADING);
  const groups = Map.groupBy(FACTS, ({ knownFrom }) => knownFrom);
  const lists = [...groups].map(([knownFrom, facts]) => {
    const lines = facts.map(({ name, reliedOn }) => `- ${name}: \`${reliedOn}\``);
    return `### Resting on ${knownFrom}\n\n${lines.join("\n")}`;
  });
  return `${head}${HEADING}

Each with the file that relies on it. \`npm run codegen\` generates this list.

${lists.join("\n\n")}
`;
}
