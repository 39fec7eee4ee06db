// Reads a result over HTTP: the manifest, its segments, the news of its job.
import { type Manifest, parseManifest } from "./manifest";
import { NotYet, PlayerError } from "./problems";

const TRIES = 4;
const FIRST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 10_000;

export class Remote {
  readonly manifestUrl: string;
  readonly #below: string;

  constructor(src: string) {
    this.manifestUrl = new URL(src, document.baseURI).href;
    // The API gives segments their own folder; a result that lies in a folder as it was stored
    // has them beside its manifest.json.
    const stored = new URL(this.manifestUrl).pathname.endsWith(".json");
    this.#below = stored ? "./" : "./segments/";
  }

  // The job's events, where an API serves the manifest.
  get eventsUrl(): string | null {
    return this.#below === "./" ? null : this.url("./events");
  }

  url(relative: string): string {
    return new URL(relative, this.manifestUrl).href;
  }

  async manifest(signal: AbortSignal): Promise<Manifest> {
    // no-cache: asked again each time, by the browser's own conditional request.
    const answer = await this.#ask(this.manifestUrl, { signal, cache: "no-cache" });
    return parseManifest(await whole(() => answer.json()));
  }

  async bytes(name: string, signal: AbortSignal): Promise<ArrayBuffer> {
    const url = this.url(this.#below + name.split("/").map(encodeURIComponent).join("/"));
    for (let failures = 0; ; failures++) {
      const answer = await this.#ask(url, { signal });
      try {
        return await whole(() => answer.arrayBuffer());
      } catch (error) {
        // The line broke in the middle of the answer.
        if (signal.aborted || failures >= TRIES) throw error;
      }
    }
  }

  async #ask(url: string, request: RequestInit & { signal: AbortSignal }): Promise<Response> {
    for (let failures = 0; ; failures++) {
      const answer = await fetch(url, request).catch((error: unknown) => {
        if (request.signal.aborted) throw error;
        return null;
      });
      if (answer?.ok) return answer;
      if (answer !== null && !canPass(answer.status)) throw await refusal(answer);
      if (failures + 1 >= TRIES) {
        throw new PlayerError("network", answer === null ? "no answer" : `HTTP ${answer.status}`);
      }
      await pause(waitBefore(failures, answer), request.signal);
    }
  }
}

function canPass(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

function waitBefore(failures: number, answer: Response | null): number {
  const asked_s = Number(answer?.headers.get("retry-after") ?? Number.NaN);
  const pause_ms = Number.isFinite(asked_s) ? asked_s * 1000 : FIRST_PAUSE_MS * 3 ** failures;
  return Math.min(LONGEST_PAUSE_MS, pause_ms);
}

// Says what a refusal means for a listener; the API tells the job's state in the error's details.
async function refusal(answer: Response): Promise<Error> {
  const body: unknown = await answer.json().catch(() => null);
  const error = field(body, "error");
  const details = field(error, "details");
  const status = field(details, "status");
  const message = String(field(error, "message") ?? `HTTP ${answer.status}`);
  if (status === "queued" || status === "processing") return new NotYet(status === "queued");
  if (status === "failed" || status === "canceled") return new PlayerError("failed", message);
  const expired = status === "expired" || field(details, "reason") === "expired";
  if (expired || answer.status === 410) return new PlayerError("expired", message);
  return new PlayerError("missing", message);
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

async function whole<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    if (error instanceof SyntaxError) throw new PlayerError("damaged", "no JSON", { cause: error });
    throw new PlayerError("network", "the answer broke off", { cause: error });
  }
}

function pause(delay_ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const wake = AbortSignal.any([signal, AbortSignal.timeout(delay_ms)]);
    wake.onabort = () => (signal.aborted ? reject(signal.reason) : resolve());
  });
}
