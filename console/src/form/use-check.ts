import { useEffect, useState } from "react";
import { useGateway } from "runcomfy-graphql-client/react";

import { CHECK_INPUT } from "../actions/submit-queries";
import type { CheckInputQuery } from "../gql";
import type { JsonObject } from "../model/json";

type Check = Omit<CheckInputQuery["checkInput"], "cost"> & {
  /** Null until the first answer. */
  readonly cost: CheckInputQuery["checkInput"]["cost"] | null;
};

const NOTHING: Check = { issues: [], warnings: [], cost: null };
const PAUSE_MS = 400;

/** What a submit would say of an input, as JSON, once it has rested; the last answer until then, so that nothing flickers. */
export function useCheck(deploymentId: string, text: string, isWanted: boolean): Check {
  const gateway = useGateway();
  const [check, setCheck] = useState(NOTHING);
  useEffect(() => {
    if (!isWanted) return;
    let isStale = false;
    const timer = setTimeout(() => {
      const input: JsonObject = JSON.parse(text);
      gateway.request(CHECK_INPUT, { deploymentId, input }).then(
        ({ checkInput }) => isStale || setCheck(checkInput),
        // Without an answer, nothing is shown: the submit reports problems too.
        () => undefined,
      );
    }, PAUSE_MS);
    return () => {
      isStale = true;
      clearTimeout(timer);
    };
  }, [gateway, deploymentId, text, isWanted]);
  return check;
}
