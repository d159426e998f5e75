/** What to type to run each part of this program: the package, which is JavaScript, has a name for it, a checkout has npm. */
export const COMMANDS = import.meta.url.endsWith(".js")
  ? {
      start: "npx runcomfy-graphql",
      key: "npx runcomfy-graphql key",
      schema: "npx runcomfy-graphql schema",
      add: "npx runcomfy-graphql add",
      refresh: "npx runcomfy-graphql refresh",
      search: "npx runcomfy-graphql search",
      mcp: "npx runcomfy-graphql mcp",
    }
  : {
      start: "npm start --",
      key: "npm run --silent key --",
      schema: "npm run --silent schema --",
      add: "npm run --silent add --",
      refresh: "npm run --silent refresh --",
      search: "npm run --silent search --",
      mcp: "npm run --silent mcp --",
    };
