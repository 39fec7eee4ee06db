// Where to pay for what a button sells.
import { ask } from "../../api/client";
import { isAbort, wordsFor } from "../../api/errors";

export async function checkout(wish: DOMStringMap, signal: AbortSignal): Promise<string> {
  const body = {
    kind: wish["kind"] === "plan" ? "plan" : "pack",
    item: wish["item"] ?? "",
    interval: wish["interval"] === "year" ? "year" : "month",
    currency: wish["currency"] ?? null,
    return_path: "/account?back=yes",
  } as const;
  try {
    const answer = await ask("post", "/v1/checkout", { body, signal });
    return answer.url;
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new Error(wordsFor(error));
  }
}
