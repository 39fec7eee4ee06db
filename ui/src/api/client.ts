// Asks the API: typed by the OpenAPI document, with the token that changes need.
import { address, csrfToken, page } from "../ui/page";
import { refusal, Unreachable } from "./errors";
import type { AnswerOf, BodyOf, Method, PathOf, PlaceOf, QueryOf } from "./types";

export interface Ask<P extends PathOf<M>, M extends Method> {
  readonly place?: PlaceOf<P, M>;
  readonly query?: QueryOf<P, M>;
  readonly body?: BodyOf<P, M>;
  readonly signal?: AbortSignal;
  // For what must not happen twice when an answer gets lost.
  readonly once?: string;
}

export async function ask<M extends Method, P extends PathOf<M>>(
  method: M,
  path: P,
  asked: Ask<P, M> = {},
): Promise<AnswerOf<P, M>> {
  const answer = await send(method.toUpperCase(), whole(String(path), asked), asked);
  const text = await answer.text();
  if (!answer.ok) throw refusal(answer.status, text, answer.headers);
  return (text === "" ? undefined : JSON.parse(text)) as AnswerOf<P, M>;
}

interface Sent {
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  readonly once?: string;
}

async function send(method: string, url: string, asked: Sent): Promise<Response> {
  // Mails come in the language of the page that had them sent.
  const headers = new Headers({ Accept: "application/json", "Accept-Language": page.language });
  if (method !== "GET") headers.set("X-CSRF-Token", csrfToken());
  if (asked.once !== undefined) headers.set("Idempotency-Key", asked.once);
  if (asked.body !== undefined) headers.set("Content-Type", "application/json");
  try {
    return await fetch(url, {
      method,
      headers,
      credentials: "same-origin",
      ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
      ...(asked.signal === undefined ? {} : { signal: asked.signal }),
    });
  } catch (error) {
    if (asked.signal?.aborted) throw error;
    throw new Unreachable();
  }
}

function whole(
  path: string,
  asked: { readonly place?: unknown; readonly query?: unknown },
): string {
  const names = (asked.place ?? {}) as Readonly<Record<string, string>>;
  const filled = path.replace(/\{(\w+)\}/g, (_whole, name: string) =>
    encodeURIComponent(names[name] ?? ""),
  );
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries((asked.query ?? {}) as object)) {
    if (value !== undefined && value !== null) query.set(name, String(value));
  }
  return address(filled) + (query.size > 0 ? `?${query}` : "");
}
