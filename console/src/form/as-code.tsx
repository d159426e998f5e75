import { useState } from "react";

import { later } from "../parts/later";
import type { Submit } from "./code";

const Code = later(async () => (await import("./code-view")).Code);

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
