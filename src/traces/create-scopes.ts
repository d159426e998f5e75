import { AsyncLocalStorage } from "node:async_hooks";

import type { Context, Span, SpanOptions, Tracer } from "@opentelemetry/api";
import { ROOT_CONTEXT, SpanStatusCode, trace } from "@opentelemetry/api";

import { RunComfyError } from "../runcomfy/runcomfy-error.ts";

type Scope = { readonly span: Span; isOver: boolean };

/**
 * Which span the code that runs now belongs to. Timers and listeners outlive the span in which they were made: once it has
 * ended they belong to none, so no trace grows for ever.
 */
export function createScopes(tracer: Tracer) {
  const scopes = new AsyncLocalStorage<Scope | null>();

  function findSpan(): Span | null {
    const scope = scopes.getStore() ?? null;
    return scope === null || scope.isOver ? null : scope.span;
  }

  /** Runs it within a new span, which ends with it; what it throws is told by its class or code alone. */
  async function runIn<Result>(
    name: string,
    options: SpanOptions,
    parent: Context,
    run: (span: Span) => Result | Promise<Result>,
  ): Promise<Result> {
    const span = tracer.startSpan(name, options, parent);
    const scope = { span, isOver: false };
    try {
      return await scopes.run(scope, () => run(span));
    } catch (error) {
      noteError(span, toType(error));
      throw error;
    } finally {
      scope.isOver = true;
      span.end();
    }
  }

  return {
    findSpan,
    runIn,
    /** The same within the span to which the code belongs; without one, nothing but what it runs. */
    async runBelow<Result>(
      name: string,
      options: SpanOptions,
      run: () => Result | Promise<Result>,
    ): Promise<Result> {
      const span = findSpan();
      if (span === null) return await run();
      return await runIn(name, options, trace.setSpan(ROOT_CONTEXT, span), run);
    },
    /** Runs what belongs to no span. */
    runOutside: <Result>(run: () => Result): Result => scopes.run(null, run),
  };
}

export function noteError(span: Span, type: string): void {
  span.setAttribute("error.type", type).setStatus({ code: SpanStatusCode.ERROR });
}

/** No message: it may quote a value. */
function toType(error: unknown): string {
  if (error instanceof RunComfyError) return error.code;
  return error instanceof Error ? error.constructor.name : typeof error;
}
