import { VENDOR_MODEL_URL } from "../config/load-config.ts";
import { VENDOR_URL } from "../config/variables.ts";
import { findAdapter } from "../engine/runcomfy/kinds/find-kind.ts";
import { MODELS_OFF_STEP } from "../engine/runcomfy/services.ts";
import { SetupError } from "../runtime/coded-error.ts";
import { clock } from "../runtime/environment.ts";
import { member } from "./verify/answers.ts";
import { runJobs, sendGets } from "./verify/calls.ts";
import {
  createExchanges,
  type Exchanges,
  OutOfTimeError,
  type Upstream,
} from "./verify/exchanges.ts";
import { findMistake } from "./verify/mistakes.ts";
import { printReport, toReport } from "./verify/report.ts";
import { HELP, MAX_MINUTES, type NamedTarget, readWords, WrongUseError } from "./verify/words.ts";

type Setting = {
  /** Rejects with a sentence if there is no token. */
  readonly open: () => Promise<
    Upstream & { readonly apiVersion: string; readonly isSandbox: boolean }
  >;
  /** Null without a terminal. */
  readonly confirm: ((question: string) => Promise<boolean>) | null;
  /** Prints a line for the user alone, which may hold ids. */
  readonly print: (line: string) => void;
  /** Once it is aborted, what was submitted is cancelled. */
  readonly signal: AbortSignal;
  readonly now?: () => number;
  readonly sleep?: (ms: number, options: { readonly signal: AbortSignal }) => Promise<void>;
};

/**
 * Compares what the gateway relies on with what is answered, and resolves with the report, or with help where that is
 * asked for. Rejects with a `SetupError` before anything is sent.
 */
export async function runVerifyCommand(
  args: readonly string[],
  setting: Setting,
): Promise<{ readonly result: string; readonly exitCode: number }> {
  const { confirm, print, signal, now = clock.now, sleep = clock.sleep } = setting;
  const words = await readWords(args);
  if (words === null) return { result: HELP, exitCode: 0 };
  const { targets, isSpending, isConfirmed, isJson } = words;
  if (isSpending && !isConfirmed && confirm === null)
    throw new WrongUseError("Without a terminal, --spend needs --yes.");
  const { apiVersion, isSandbox, ...upstream } = await setting.open();
  const { baseUrl, modelUrl, token } = upstream;
  const modelId = targets.find(isAtModels)?.id;
  if (modelId !== undefined && modelUrl === null)
    throw new SetupError(`Models are off, so nothing was sent. ${MODELS_OFF_STEP}`);
  const endsAt = now() + MAX_MINUTES * 60_000;
  const exchanges = createExchanges({ upstream, signal, endsAt, now, sleep, print });

  async function spend(): Promise<void> {
    print(
      "Each of these gets a wrong input, and yours twice: once to its end, once to be cancelled while it waits.",
    );
    for (const target of targets) print(`  ${target.id}: ${describePrice(target, exchanges)}`);
    if (!isConfirmed && (await confirm?.("Submit them? (y/N) ")) !== true)
      return print("Nothing was submitted.");
    signal.addEventListener("abort", () =>
      print("Stopping; what was submitted is cancelled. Press Ctrl-C again to leave at once."),
    );
    for (const { kind, id, input } of targets)
      if (input !== null) await runJobs(exchanges, { kind, apiVersion, deploymentId: id }, input);
  }

  let isAnswered = false;
  const mistaken = new Set<string | null>();
  try {
    const failed = await sendGets(exchanges, {
      deploymentIds: targets.flatMap((target) => (isAtModels(target) ? [] : target.id)),
      ...(modelUrl !== null && { modelId: modelId ?? null }),
      apiVersion,
    });
    isAnswered = failed === null;
    if (failed !== null) print(failed.error?.message ?? "RunComfy gave no usable answer.");
    for (const target of targets) {
      const mistake = findMistake(target, exchanges.made);
      if (mistake === null) continue;
      mistaken.add(target.id);
      print(mistake);
    }
    if (isAnswered && mistaken.size === 0 && isSpending) await spend();
  } catch (error) {
    if (!signal.aborted && !(error instanceof OutOfTimeError)) throw error;
    print(signal.aborted ? "Stopped." : `Stopped after ${MAX_MINUTES} minutes.`);
  } finally {
    await exchanges.cancelOpen();
  }

  const { made } = exchanges;
  const isReached = made.some(({ httpStatus }) => httpStatus !== null);
  const report = toReport(
    {
      // What is the user's mistake shows nothing of RunComfy.
      exchanges: made.filter(({ id }) => !mistaken.has(id)),
      named: new Map(
        targets.filter(({ id }) => !mistaken.has(id)).map(({ id, kind }) => [id, kind]),
      ),
      origins: [baseUrl, modelUrl ?? baseUrl].map((url) => new URL(url).origin),
    },
    {
      answeredBy: isReached ? nameAnswerer(upstream, isSandbox) : "Nobody",
      at: new Date(now()),
      secrets: [token, made.map(({ id }) => id), targets.map(({ input }) => input)],
    },
  );
  const result = isJson ? JSON.stringify(report, null, 2) : printReport(report);
  const isFine = isAnswered && report.facts.every(({ state }) => state !== "different");
  return { result, exitCode: mistaken.size > 0 ? 2 : isFine ? 0 : 1 };
}

function describePrice(target: NamedTarget, { made }: Exchanges): string {
  if (!isAtModels(target)) return "price unknown (by the seconds of an instance)";
  const record = made.find((one) => one.purpose === "model" && one.id === target.id)?.body;
  const [amount, unit] = ["base_price_usd", "price_unit"].map((name) => member(record, name));
  // Missing, zero or odd does not mean that it is free.
  const isKnown = typeof amount === "number" && amount > 0 && typeof unit === "string";
  return isKnown ? `about $${amount} per ${unit}` : "price unknown";
}

function isAtModels({ kind }: NamedTarget): boolean {
  return findAdapter(kind).service === "models";
}

/** Who answers at these addresses. */
function nameAnswerer({ baseUrl, modelUrl }: Upstream, isSandbox: boolean): string {
  if (isSandbox) return "The sandbox";
  const origins = [baseUrl, modelUrl ?? VENDOR_MODEL_URL].map((url) => new URL(url).origin);
  const isVendor = origins[0] === VENDOR_URL && origins[1] === VENDOR_MODEL_URL;
  return isVendor ? "RunComfy" : "Another address than RunComfy's";
}
