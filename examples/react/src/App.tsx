import { type InputHTMLAttributes, useEffect, useState, useSyncExternalStore } from "react";
import { createGatewayClient, GatewayError } from "runcomfy-graphql-client";
import {
  GatewayProvider,
  useConnection,
  useGateway,
  useSubmit,
} from "runcomfy-graphql-client/react";

import { graphql } from "./gql";
import type { WarmGlowInput } from "./gql/graphql";
import { Job } from "./Job";

const gateway = createGatewayClient({
  url: import.meta.env.VITE_GATEWAY ?? "http://127.0.0.1:4000/graphql",
});

const SUBMIT = graphql(`
  mutation Submit($input: WarmGlowInput!, $key: String!) {
    submitWarmGlow(input: $input, idempotencyKey: $key) {
      __typename
      ... on SubmitJobSuccess {
        job {
          id
        }
        warnings {
          path
          message
        }
      }
      ... on InvalidInputError {
        issues {
          path
          message
        }
      }
      ... on UpstreamError {
        retryable
      }
      ... on Error {
        message
      }
    }
  }
`);

export default function App() {
  return (
    <GatewayProvider value={gateway}>
      <WarmGlow />
    </GatewayProvider>
  );
}

/** A form, and below it the job whose id is in the address: a link or a reload shows the same. */
function WarmGlow() {
  const { upload } = useGateway();
  const connection = useConnection();
  const jobId = useSyncExternalStore(onHashChange, () => location.hash.slice(1));
  const [input, setInput] = useState(readDraft);
  const [uploading, setUploading] = useState("");
  const { submit, attempt, result, error } = useSubmit({ document: SUBMIT });
  const issues = result?.__typename === "InvalidInputError" ? result.issues : [];
  const others = issues.filter(({ path }) => !FIELDS.has(path));

  useEffect(() => sessionStorage.setItem("draft", JSON.stringify(input)), [input]);
  const change = (changes: Partial<WarmGlowInput>) =>
    setInput((before) => ({ ...before, ...changes }));

  async function take(file: File) {
    setUploading(`Uploading ${file.name}…`);
    try {
      change({ ctrlImg1: await upload(file) });
      setUploading("");
    } catch (failure) {
      if (!(failure instanceof GatewayError)) throw failure;
      setUploading(`${file.name}: ${failure.message}`);
    }
  }

  const field = (path: string, label: string, props: InputHTMLAttributes<HTMLInputElement>) => (
    <label>
      {label} <input {...props} />
      {issues.map((issue) => issue.path === path && <em key={issue.message}> {issue.message}</em>)}
    </label>
  );

  return (
    <main>
      <h1>Warm Glow</h1>
      <form
        onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => {
          event.preventDefault();
          const [file] = event.dataTransfer.files;
          if (file) void take(file);
        }}
        onSubmit={(event) => {
          event.preventDefault();
          void submit(input).then((id) => {
            if (id) location.hash = id;
          });
        }}
      >
        <fieldset disabled={attempt > 0}>
          {field("prompt", "Prompt", {
            value: input.prompt,
            onChange: ({ target }) => change({ prompt: target.value }),
          })}
          {field("ctrlImg1", "Picture", {
            placeholder: "Drop a file anywhere here, or give its URL",
            value: input.ctrlImg1,
            onChange: ({ target }) => change({ ctrlImg1: target.value }),
          })}
          <label className="button">
            Choose a file
            <input
              type="file"
              accept="image/*"
              onChange={({ target }) => {
                const [file] = target.files ?? [];
                if (file) void take(file);
                target.value = ""; // So that the same file can be chosen again.
              }}
            />
          </label>
          {field("width", "Width", {
            type: "number",
            value: input.width ?? "",
            onChange: ({ target }) => change({ width: target.value ? target.valueAsNumber : null }),
          })}
          <button>Submit</button>
        </fieldset>
      </form>
      {uploading && <p role="status">{uploading}</p>}
      {attempt > 1 && <p role="status">Trying again ({attempt})…</p>}
      {error && (
        <p role="alert">{result && "message" in result ? result.message : error.message}</p>
      )}
      {others.map(({ path, message }) => (
        <p key={path + message}>
          {path} {message}
        </p>
      ))}
      {result?.__typename === "SubmitJobSuccess" &&
        result.warnings.map(({ path, message }) => <p key={path}>{message}</p>)}
      {"reason" in connection && <p role="alert">{connection.reason}</p>}
      {jobId && <Job key={jobId} id={jobId} />}
    </main>
  );
}

/** What is wrong elsewhere in the input is shown below the form. */
const FIELDS: ReadonlySet<string> = new Set(["prompt", "ctrlImg1", "width"]);

function readDraft(): WarmGlowInput {
  const saved = sessionStorage.getItem("draft");
  return saved ? JSON.parse(saved) : { prompt: "", ctrlImg1: "" };
}

function onHashChange(notify: () => void) {
  addEventListener("hashchange", notify);
  return () => removeEventListener("hashchange", notify);
}
