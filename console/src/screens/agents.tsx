import { Copy } from "../parts/copy";
import { useTitle } from "../parts/use-title";
import { useViewer } from "../viewer";
import "./agents.css";

/** What to copy so that a program that thinks can run jobs. */
export function Agents() {
  useTitle("Connect an agent");
  const { isSignedIn } = useViewer();
  return (
    <div className="agents">
      <h1>Connect an agent</h1>
      <p>
        Programs that think can run jobs here, at <code>{URL_OF_MCP}</code>, by the Model Context
        Protocol.{" "}
        {isSignedIn
          ? "Give each a key of its own, with limits: what it runs costs money as your jobs do."
          : "They need no key, as nobody does."}
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
/** What somebody puts their key in the place of. */
const BEARER = "Bearer YOUR_KEY";

const toServer = (facts: object, hasKey: boolean): object => ({
  ...facts,
  url: URL_OF_MCP,
  ...(hasKey && { headers: { Authorization: BEARER } }),
});
const toJson = (value: object): string => JSON.stringify(value, null, 2);

/** Each with where its lines go; they have a place for a key where the gateway asks for one. */
const PROGRAMS = [
  {
    name: "Claude Code",
    where: "In a terminal:",
    toText: (hasKey: boolean) =>
      `claude mcp add --transport http runcomfy ${URL_OF_MCP}${hasKey ? ` --header "Authorization: ${BEARER}"` : ""}`,
  },
  {
    name: "VS Code",
    where: "In .vscode/mcp.json:",
    toText: (hasKey: boolean) =>
      toJson({ servers: { runcomfy: toServer({ type: "http" }, hasKey) } }),
  },
  {
    name: "Cursor",
    where: "In .cursor/mcp.json:",
    toText: (hasKey: boolean) => toJson({ mcpServers: { runcomfy: toServer({}, hasKey) } }),
  },
];
