import { Copy } from "../parts/copy";
import { useTitle } from "../parts/use-title";
import { useViewer } from "../viewer";

/** What to copy so that an agent can run jobs. */
export function Agents() {
  useTitle("Connect an agent");
  const { isSignedIn } = useViewer();
  return (
    <div className="stack">
      <h1>Connect an agent</h1>
      <p>
        Agents can run jobs here, at <code>{URL_OF_MCP}</code>, over MCP, the Model Context
        Protocol.{" "}
        {isSignedIn
          ? "Give each a key of its own, with limits: what it runs costs money as your jobs do."
          : "No key is needed."}
      </p>
      {PROGRAMS.map(({ name, where, toText }) => (
        <section className="card" key={name} aria-label={name}>
          <h2>{name}</h2>
          <p>
            {where} <Copy text={toText(isSignedIn)} name={`the lines for ${name}`} />
          </p>
          <pre tabIndex={0} aria-label={`Lines for ${name}`}>
            {toText(isSignedIn)}
          </pre>
        </section>
      ))}
    </div>
  );
}

const URL_OF_MCP = `${location.origin}/mcp`;

const toJson = (value: object): string => JSON.stringify(value, null, 2);

/** A server of MCP. The key is named, and not written: a project's files are shared. */
const toServer = (facts: object, place: string | false): object => ({
  ...facts,
  url: URL_OF_MCP,
  ...(place !== false && { headers: { Authorization: `Bearer ${place}` } }),
});

/** Asked once by VS Code, which keeps it where it keeps secrets. */
const KEY_INPUT = {
  type: "promptString",
  id: "gateway-key",
  description: "Key of the gateway",
  password: true,
};

/** Each with where its lines go; they have a place for a key where the gateway asks for one. */
const PROGRAMS = [
  {
    name: "Claude Code",
    where: "In a terminal:",
    toText: (hasKey: boolean) =>
      `claude mcp add --transport http runcomfy ${URL_OF_MCP}${hasKey ? ' --header "Authorization: Bearer $RUNCOMFY_GATEWAY_KEY"' : ""}`,
  },
  {
    name: "VS Code",
    where: "In .vscode/mcp.json:",
    toText: (hasKey: boolean) =>
      toJson({
        ...(hasKey && { inputs: [KEY_INPUT] }),
        servers: { runcomfy: toServer({ type: "http" }, hasKey && "${input:gateway-key}") },
      }),
  },
  {
    name: "Cursor",
    where: "In .cursor/mcp.json:",
    toText: (hasKey: boolean) =>
      toJson({
        mcpServers: { runcomfy: toServer({}, hasKey && "${env:RUNCOMFY_GATEWAY_KEY}") },
      }),
  },
  {
    name: "Claude Desktop",
    where: "In its list of servers, which is yours alone:",
    toText: (hasKey: boolean) =>
      toJson({
        mcpServers: {
          runcomfy: {
            command: "npx",
            args: ["-y", "runcomfy-graphql", "mcp", "--url", location.origin],
            ...(hasKey && { env: { RUNCOMFY_GATEWAY_KEY: "YOUR_KEY" } }),
          },
        },
      }),
  },
];
