import { type KeyboardEvent, useId, useRef, useState } from "react";

import { Copy } from "../parts/copy";
import { LANGUAGES, type Language, type Submit, toCode } from "./code";

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
  const id = useId();
  const tabs = useRef<HTMLDivElement>(null);
  const [language, setLanguage] = useState<Language>("curl");
  const code = toCode(language, submit);

  const move = ({ key }: KeyboardEvent): void => {
    const step = key === "ArrowRight" ? 1 : key === "ArrowLeft" ? -1 : 0;
    const index = (LANGUAGES.indexOf(language) + step + LANGUAGES.length) % LANGUAGES.length;
    const next = LANGUAGES[index];
    if (step === 0 || next === undefined) return;
    setLanguage(next);
    tabs.current?.querySelectorAll("button")[index]?.focus();
  };

  return (
    <>
      <div className="row">
        <div ref={tabs} role="tablist" aria-label="Language" className="run-tabs" onKeyDown={move}>
          {LANGUAGES.map((name) => (
            <button
              key={name}
              type="button"
              role="tab"
              id={`${id}-${name}`}
              aria-controls={`${id}-code`}
              aria-selected={name === language}
              tabIndex={name === language ? 0 : -1}
              onClick={() => setLanguage(name)}
            >
              {name}
            </button>
          ))}
        </div>
        <Copy key={language} text={code} name="the code" />
      </div>
      <pre role="tabpanel" id={`${id}-code`} aria-labelledby={`${id}-${language}`} tabIndex={0}>
        {code}
      </pre>
      <p className="hint run-code-hint">
        The key makes it one job however often it is sent, also by the button above. For another job
        take another key.
      </p>
    </>
  );
}
