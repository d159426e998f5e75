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

/** Makes one mutation after another; `problem` is why the last one changed nothing, as sentences. */
export function useCall() {
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
      const said = toProblem(result);
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

/** What arguments are called in the page; what is in an input has its own labels. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ["", "The input"],
  ["url", "The URL"],
  ["events", "What it is called for"],
  ["filter.deploymentId", "The deployment"],
  ["filter.tag", "The tag"],
]);

/** Why nothing was changed, as sentences; empty where it was. */
export function toProblem({ __typename, message = "", issues }: Result): string {
  if (issues === undefined) return message;
  const intro = __typename === "InvalidInputError" ? ["Its input no longer fits."] : [];
  const toName = (path: string) => NAMES.get(path) ?? toLabel(path);
  return [...intro, ...issues.map((one) => toSentence(toName(one.path), one.message))].join(" ");
}
