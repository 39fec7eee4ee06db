// Refusals of the API, with words that people can read.
import { wait } from "../ui/format";
import { has, t } from "../ui/texts";
import type { Schema } from "./types";

type Facts = Schema<"ErrorFacts">;

export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly requestId: string;
  readonly retryAfter_s: number | null;

  constructor(status: number, facts: Partial<Facts>, retryAfter_s: number | null = null) {
    super(facts.message ?? t("errors.unexpected"));
    this.status = status;
    this.code = facts.code ?? "unknown";
    this.details = facts.details ?? {};
    this.requestId = facts.request_id ?? "";
    this.retryAfter_s = retryAfter_s;
  }
}

// No answer came: the network, or a server that is not there.
export class Unreachable extends Error {
  override readonly name = "Unreachable";

  constructor() {
    super(t("errors.unreachable"));
  }
}

export function refusal(status: number, text: string, headers: Headers): ApiError {
  const retry = Number(headers.get("Retry-After") ?? Number.NaN);
  return new ApiError(status, factsIn(text), Number.isFinite(retry) ? retry : null);
}

// 422 comes with FastAPI's list of faults in the details; everything else says it in a sentence.
function factsIn(text: string): Partial<Facts> {
  try {
    const body = JSON.parse(text) as { error?: Partial<Facts> } | null;
    return body?.error ?? {};
  } catch {
    return {};
  }
}

// What to show: our own words for codes that we know in the page's language, for the very reason
// or limit where there are some; else the API's.
export function wordsFor(error: unknown): string {
  if (error instanceof ApiError) {
    const { code, details } = error;
    const why = String(details["reason"] ?? details["limit"] ?? "");
    const name = [`errors.${code}_${why}`, `errors.${code}`].find(has);
    return name === undefined ? error.message : t(name, valuesOf(error));
  }
  if (error instanceof Unreachable) return error.message;
  return t("errors.unexpected");
}

const valuesOf = ({ details, retryAfter_s }: ApiError): Record<string, string | number> => ({
  allowed: Number(details["allowed"] ?? 0),
  wait: wait(retryAfter_s ?? 60),
});

export const isAbort = (error: unknown): boolean =>
  error instanceof DOMException && error.name === "AbortError";
