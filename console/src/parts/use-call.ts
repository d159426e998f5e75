import { useState } from "react";
import { GatewayError, type TypedDocument } from "runcomfy-graphql-client";

import { toSentence } from "../form/issues";
import { useSession } from "../session";

/** What a mutation answers. */
export type Result = {
  readonly __typename: string;
  readonly message?: string;
  readonly issues?: readonly { readonly path: string; readonly message: string }[];
};

/** Makes one mutation after another; `problem` is why the last one changed nothing, as sentences. */
export function useCall(names: ReadonlyMap<string, string> = NO_NAMES) {
  const { gateway } = useSession();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");

  /** Resolves with null where nothing was changed. */
  async function call<Given extends Result, Variables>(
    document: TypedDocument<{ readonly result: Given }, Variables>,
    variables: Variables,
  ): Promise<Given | null> {
    setBusy(true);
    try {
      const { result } = await gateway.request(document, variables);
      const said = toProblem(result, names);
      setProblem(said);
      return said === "" ? result : null;
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      setProblem(error.message);
      return null;
    } finally {
      setBusy(false);
    }
  }

  return { isBusy, problem, call };
}

/** Where the fields are called as the arguments are. */
const NO_NAMES: ReadonlyMap<string, string> = new Map();

/** Why nothing was changed, as sentences; empty where it was. */
export function toProblem({ message = "", issues }: Result, names = NO_NAMES): string {
  if (issues === undefined) return message;
  return issues.map((one) => toSentence(names.get(one.path) ?? one.path, one.message)).join(" ");
}
