import { useMemo } from "react";

import { type Field, readFields } from "../model/fields";
import { DEPLOYMENTS, INPUT_SCHEMA } from "./queries";
import { useQuery } from "./session";

/** What a deployment's input may hold; of none, and of one that is not listed, nothing. */
export function useFields(deploymentId: string): readonly Field[] {
  // With the form's list, a result has its shape before anything else is asked.
  const listed = useQuery(DEPLOYMENTS, {}, false).data?.deployments;
  const known = listed?.find(({ id }) => id === deploymentId);
  const isAsked = deploymentId !== "" && known === undefined;
  const { data } = useQuery(INPUT_SCHEMA, { deploymentId }, isAsked);
  const inputSchema = (known ?? data?.deployment)?.inputSchema;
  return useMemo(() => readFields(inputSchema), [inputSchema]);
}
