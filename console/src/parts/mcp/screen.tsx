import { useViewer } from "../../session/viewer";
import { Copy } from "../../ui/copy";
import { useTitle } from "../../ui/use-title";

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
      {toPrograms(isSignedIn).map(([name, where, text]) => (
        <section className="card" key={name} aria-label={name}>
          <h2>{name}</h2>
          <p>
            {where} <Copy text={text} name={`the lines for ${name}`} />
          </p>
          <pre tabIndex={0} aria-label={`Lines for ${name}`}>
            {text}
          </pre>
        </section>
      ))}
    </div>
  );
}

const URL_OF_MCP = `${location.origin}/mcp`;

/** Asked once by VS Code, which keeps it where it keeps secrets. */
const KEY_INPUT = {
  type: "promptString",
  id: "gateway-key",
  description: "Key of the gateway",
  password: true,
};

/** Each with where its lines go. The key is named, and not written: a project's files are shared. */
function toPrograms(
  hasKey: boolean,
): readonly (readonly [name: string, where: string, text: string])[] {
  const toServer = (key: string) => ({
    url: URL_OF_MCP,
    ...(hasKey && { headers: { Authorization: `Bearer ${key}` } }),
  });
  const header = hasKey ? ' --header "Authorization: Bearer $RUNCOMFY_GATEWAY_KEY"' : "";
  const code = {
    ...(hasKey && { inputs: [KEY_INPUT] }),
    servers: { runcomfy: { type: "http", ...toServer("${input:gateway-key}") } },
  };
  const cursor = { mcpServers: { runcomfy: toServer("${env:RUNCOMFY_GATEWAY_KEY}") } };
  const runcomfy = {
    command: "npx",
    args: [
      ...["-y", "mcp-remote", URL_OF_MCP],
      ...(hasKey ? ["--header", "Authorization:${GATEWAY_AUTHORIZATION}"] : []),
    ],
    ...(hasKey && { env: { GATEWAY_AUTHORIZATION: "Bearer YOUR_KEY" } }),
  };
  return [
    [
      "Claude Code",
      "In a terminal:",
      `claude mcp add --transport http runcomfy ${URL_OF_MCP}${header}`,
    ],
    ["VS Code", "In .vscode/mcp.json:", toJson(code)],
    ["Cursor", "In .cursor/mcp.json:", toJson(cursor)],
    [
      "Claude Desktop",
      "In its list of servers, which is yours alone:",
      toJson({ mcpServers: { runcomfy } }),
    ],
  ];
}

function toJson(value: object): string {
  return JSON.stringify(value, null, 2);
}
