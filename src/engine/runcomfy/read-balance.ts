import { isJsonObject, type JsonValue } from "../job/json.ts";

/** Version 2 is the only one that has it. */
export const BALANCE_PATH = "prod/v2/balance";

const MICROS = 1_000_000;

/** What an account has left, in USD, which may be below 0; null where the answer says nothing readable. */
export function readBalance(body: JsonValue): number | null {
  if (!isJsonObject(body)) return null;
  const { balance_usd: usd, balance_microdollars: micros, currency = "USD" } = body;
  if (typeof currency !== "string" || currency.toUpperCase() !== "USD") return null;
  if (isNumber(usd)) return usd;
  return isNumber(micros) ? micros / MICROS : null;
}

function isNumber(value: JsonValue | undefined): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
