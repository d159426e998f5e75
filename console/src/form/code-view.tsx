import { useState } from "react";

import { Copy } from "../parts/copy";
import { LANGUAGES, type Submit } from "./code";

/** A submit in the language of one's choice. */
export function Code(submit: Submit) {
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
