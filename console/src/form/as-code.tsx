import { useState } from "react";

import { Copy } from "../parts/copy";
import { LANGUAGES, type Submit } from "./code";

/** Exactly what the button would send, for whoever goes on from here in a program. */
export function AsCode(submit: Omit<Submit, "url">) {
  const [isOpened, setIsOpened] = useState(false);
  return (
    <details
      className="card run-code"
      open={isOpened}
      onToggle={({ currentTarget }) => setIsOpened(currentTarget.open)}
    >
      <summary>As code</summary>
      {isOpened && <Code {...submit} url={`${location.origin}/graphql`} />}
    </details>
  );
}

function Code(submit: Submit) {
  const [language, setLanguage] = useState("curl");
  const code = LANGUAGES.get(language)?.(submit) ?? "";
  return (
    <>
      <div className="row">
        <select
          aria-label="Language"
          value={language}
          onChange={({ target }) => setLanguage(target.value)}
        >
          {[...LANGUAGES.keys()].map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        <Copy key={language} text={code} name="the code" />
      </div>
      <pre tabIndex={0} aria-label={language}>
        {code}
      </pre>
      <p className="hint run-code-hint">
        The key makes it one job however often it is sent, also by the button above. For another job
        take another key.
      </p>
    </>
  );
}
