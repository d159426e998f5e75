import { useMemo } from "react";

import { type Field, readFields } from "../model/fields";
import { INPUT_SCHEMA } from "./queries";
import { useQuery } from "./session";

/** What a deployment's input may hold; of none, and of one that is not listed, nothing. */
export function useFields(deploymentId: string): readonly Field[] {
  const { data } = useQuery(INPUT_SCHEMA, { deploymentId }, deploymentId !== "");
  const inputSchema = data?.deployment?.inputSchema;
  return useMemo(() => readFields(inputSchema), [inputSchema]);
}
