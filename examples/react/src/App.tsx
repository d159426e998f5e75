import { type InputHTMLAttributes, useSyncExternalStore } from "react";
import { Provider } from "urql";

import { client, connection, describe } from "./client";
import { Job } from "./Job";
import { useSubmit } from "./use-submit";
import { useUpload } from "./use-upload";

export default function App() {
  return (
    <Provider value={client}>
      <WarmGlow />
    </Provider>
  );
}

/** A form, and below it the job whose id is in the address: a link or a reload shows the same. */
function WarmGlow() {
  const jobId = useSyncExternalStore(onHashChange, () => location.hash.slice(1));
  const problem = useSyncExternalStore(connection.subscribe, connection.problem);
  const { input, change, submit, attempt, result, error } = useSubmit((id) => {
    location.hash = id;
  });
  const { status, upload } = useUpload((reference) => change({ ctrlImg1: reference }));
  const issues = result?.__typename === "InvalidInputError" ? result.issues : [];
  const others = issues.filter(({ path }) => !FIELDS.has(path));

  const field = (path: string, label: string, props: InputHTMLAttributes<HTMLInputElement>) => (
    <p>
      <label>
        {label} <input {...props} />
        {issues.map(
          (issue) => issue.path === path && <em key={issue.message}> {issue.message}</em>,
        )}
      </label>
    </p>
  );

  return (
    <>
      <form
        onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => {
          event.preventDefault();
          const [file] = event.dataTransfer.files;
          if (file) void upload(file);
        }}
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <fieldset disabled={attempt > 0}>
          {field("prompt", "Prompt", {
            value: input.prompt,
            onChange: ({ target }) => change({ prompt: target.value }),
          })}
          {field("ctrlImg1", "Picture", {
            placeholder: "Drop a file, or give its URL",
            value: input.ctrlImg1,
            onChange: ({ target }) => change({ ctrlImg1: target.value }),
          })}
          {field("width", "Width", {
            type: "number",
            value: input.width ?? "",
            onChange: ({ target }) => change({ width: target.value ? target.valueAsNumber : null }),
          })}
          <button>Submit</button>
        </fieldset>
      </form>
      {status && <p role="status">{status}</p>}
      {attempt > 1 && <p role="status">No answer came. Trying again ({attempt})…</p>}
      {attempt === 0 && error && <p role="alert">{describe(error)}</p>}
      {result && "message" in result && <p role="alert">{result.message}</p>}
      {others.map(({ path, message }) => (
        <p key={path + message}>
          {path} {message}
        </p>
      ))}
      {result?.__typename === "SubmitJobSuccess" &&
        result.warnings.map(({ path, message }) => <p key={path}>{message}</p>)}
      {problem && <p role="alert">{problem}</p>}
      {jobId && <Job key={jobId} id={jobId} />}
    </>
  );
}

/** What is wrong elsewhere in the input is told below the form. */
const FIELDS: ReadonlySet<string> = new Set(["prompt", "ctrlImg1", "width"]);

function onHashChange(tell: () => void) {
  addEventListener("hashchange", tell);
  return () => removeEventListener("hashchange", tell);
}
