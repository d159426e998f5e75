import { useState } from "react";
import { GatewayError, type TypedDocument } from "runcomfy-graphql-client";

import { toLabel } from "../model/fields";
import { toSentence } from "../model/issues";
import { useSession } from "./session";

/** What a mutation answers. */
export type Result = {
  readonly __typename: string;
  readonly message?: string;
  readonly issues?: readonly { readonly path: string; readonly message: string }[];
};

/**
 * Makes one mutation after another; `problem` is why the last one changed nothing, as sentences. `names` has what arguments are
 * called in the page.
 */
export function useCall(names = NO_NAMES) {
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

const NO_NAMES: ReadonlyMap<string, string> = new Map();

/** Why nothing was changed, as sentences; empty where it was. */
export function toProblem(
  { __typename, message = "", issues }: Result,
  names: ReadonlyMap<string, string> = NO_NAMES,
): string {
  if (issues === undefined) return message;
  const intro = __typename === "InvalidInputError" ? ["Its input no longer fits."] : [];
  const toName = (path: string) => names.get(path) ?? (path === "" ? "The input" : toLabel(path));
  return [...intro, ...issues.map((one) => toSentence(toName(one.path), one.message))].join(" ");
}
