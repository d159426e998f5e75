import { useEffect, useState } from "react";
import { useClient } from "urql";

import { CHECK_INPUT } from "./documents";
import type { Issue } from "./issues";
import type { JsonObject } from "./json";

type Check = { readonly issues: readonly Issue[]; readonly warnings: readonly Issue[] };

const NOTHING: Check = { issues: [], warnings: [] };
const PAUSE_MS = 400;

/** What a submit would say of an input, once it has rested; the last answer until then, so that nothing flickers. */
export function useCheck(deploymentId: string, input: JsonObject, isPaused: boolean): Check {
  const client = useClient();
  const [check, setCheck] = useState(NOTHING);
  useEffect(() => {
    if (isPaused) return;
    let isStale = false;
    const timer = setTimeout(() => {
      const asked = client.query(
        CHECK_INPUT,
        { deploymentId, input },
        { requestPolicy: "network-only" },
      );
      // Where no answer comes nothing is said: the submit tells it all the same.
      void asked.toPromise().then(({ data }) => {
        if (data && !isStale) setCheck(data.checkInput);
      });
    }, PAUSE_MS);
    return () => {
      isStale = true;
      clearTimeout(timer);
    };
  }, [client, deploymentId, input, isPaused]);
  return check;
}
