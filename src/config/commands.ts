const isPackage = import.meta.url.endsWith(".js");

/**
 * What to type to run each part of this program: the package, which is JavaScript, has a name for it, a checkout has npm.
 * `--no` is for what is not installed: then nothing is fetched, as the name is nobody's on npm yet.
 */
export const COMMANDS = {
  start: isPackage ? "npx --no -- runcomfy-graphql" : "npm start --",
  key: toCommand("key"),
  schema: toCommand("schema"),
  add: toCommand("add"),
  refresh: toCommand("refresh"),
  search: toCommand("search"),
  verify: toCommand("verify"),
};

function toCommand(name: string): string {
  return isPackage ? `npx --no -- runcomfy-graphql ${name}` : `npm run --silent ${name} --`;
}
