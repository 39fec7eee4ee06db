// Where to pay for what a button sells.
import { ask } from "../../api/client";

export async function checkout(wish: DOMStringMap, signal: AbortSignal): Promise<string> {
  const answer = await ask("post", "/v1/checkout", {
    body: {
      kind: wish["kind"] === "plan" ? "plan" : "pack",
      item: wish["item"] ?? "",
      interval: wish["interval"] === "year" ? "year" : "month",
      currency: wish["currency"] ?? null,
      return_path: "/account",
    },
    signal,
  });
  return answer.url;
}
