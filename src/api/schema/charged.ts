import type { GatewayContext } from "./context.ts";

/** A resolver whose value's bytes count towards the size of the answer, each time that its field is selected. */
export function charged<Parent, Arguments, Value>(
  resolve: (parent: Parent, given: Arguments, context: GatewayContext) => Value,
) {
  return (parent: Parent, given: Arguments, context: GatewayContext): Value => {
    const value = resolve(parent, given, context);
    const text = typeof value === "string" ? value : JSON.stringify(value);
    context.reads.charge(Buffer.byteLength(text));
    return value;
  };
}
