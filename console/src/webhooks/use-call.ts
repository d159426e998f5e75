import { useState } from "react";
import { type AnyVariables, type TypedDocumentNode, useClient } from "urql";

import { toSentence } from "../form/issues";
import { explain } from "../session";

/** What an argument is called beside its field. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ["url", "The URL"],
  ["events", "What it is told"],
  ["filter.deploymentId", "The deployment"],
  ["filter.tag", "The tag"],
]);

/** Makes one call after another; `problem` is why the last one changed nothing, as sentences. */
export function useCall() {
  const client = useClient();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");

  /** Resolves with null where nothing was changed. */
  async function call<Result extends Answer, Variables extends AnyVariables>(
    document: TypedDocumentNode<{ readonly result: Result }, Variables>,
    variables: Variables,
  ): Promise<Result | null> {
    setBusy(true);
    const { data, error } = await client.mutation(document, variables).toPromise();
    const told = error ? explain(error) : data ? toProblem(data.result) : "";
    setBusy(false);
    setProblem(told);
    return told === "" && data ? data.result : null;
  }

  return { isBusy, problem, call };
}

type Answer = {
  readonly __typename: string;
  readonly message?: string;
  readonly issues?: readonly { readonly path: string; readonly message: string }[];
};

function toProblem({ message = "", issues }: Answer): string {
  if (issues === undefined) return message;
  return issues.map((one) => toSentence(NAMES.get(one.path) ?? one.path, one.message)).join(" ");
}
