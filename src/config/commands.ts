/**
 * What to type to run each part of this program: the package, which is JavaScript, has a name for it, a checkout has npm.
 * `--no` is for what is not installed: then nothing is fetched, as the name is nobody's on npm yet.
 */
export const COMMANDS = import.meta.url.endsWith(".js")
  ? {
      start: "npx --no -- runcomfy-graphql",
      key: "npx --no -- runcomfy-graphql key",
      schema: "npx --no -- runcomfy-graphql schema",
      add: "npx --no -- runcomfy-graphql add",
      refresh: "npx --no -- runcomfy-graphql refresh",
      search: "npx --no -- runcomfy-graphql search",
      verify: "npx --no -- runcomfy-graphql verify",
      mcp: "npx --no -- runcomfy-graphql mcp",
    }
  : {
      start: "npm start --",
      key: "npm run --silent key --",
      schema: "npm run --silent schema --",
      add: "npm run --silent add --",
      refresh: "npm run --silent refresh --",
      search: "npm run --silent search --",
      verify: "npm run --silent verify --",
      mcp: "npm run --silent mcp --",
    };
