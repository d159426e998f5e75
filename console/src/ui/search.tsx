import { useEffect, useRef, useState } from "react";

import { isSearched, MAX_TEXT_LENGTH } from "../model/filters";

/** How long one types on before what is typed is searched for. */
const PAUSE_MS = 300;

/** A text to search for, which is asked for once it has not changed for a moment. */
export function Search({
  value,
  onChange,
}: {
  readonly value: string;
  readonly onChange: (text: string) => void;
}) {
  const [typed, setTyped] = useState(value);
  const asked = useRef(value);
  useEffect(() => {
    // What was asked for comes back while one types on.
    if (value === asked.current) return;
    asked.current = value;
    setTyped(value);
  }, [value]);
  useEffect(() => {
    const timer = setTimeout(ask, PAUSE_MS);
    return () => clearTimeout(timer);
    // Not at each render: on a busy gateway there may always be another one in the meantime.
  }, [typed]);

  function ask(): void {
    if (typed === asked.current) return;
    asked.current = typed;
    onChange(typed);
  }

  const isShort = typed.trim() !== "" && !isSearched(typed);
  return (
    <label className="field search">
      <span>
        Search <span role="status">{isShort && "(at least 3 letters)"}</span>
      </span>
      <input
        type="search"
        dir="auto"
        maxLength={MAX_TEXT_LENGTH}
        placeholder="Words of the prompt"
        value={typed}
        onChange={({ target }) => setTyped(target.value)}
        onKeyDown={({ key }) => key === "Enter" && ask()}
      />
    </label>
  );
}
