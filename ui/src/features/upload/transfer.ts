// One file on its way to the server, by the tus protocol: a broken connection is waited for, and
// the same file chosen again after a reload goes on where it was.
import type { DetailedError, Upload } from "tus-js-client";
import { refusal, Unreachable } from "../../api/errors";
import type { Owner } from "../../ui/owner";
import { address, csrfToken } from "../../ui/page";

// As much as the server stores and counts at once: what a broken connection costs at most.
const PART_BYTES = 8 * 1024 * 1024;
const PAUSES_MS = [0, 1000, 2000, 4000, 8000, 15_000, 30_000, 30_000, 30_000, 60_000];
const LATER = new Set([0, 409, 423, 429, 500, 502, 503, 504]);

export interface Hopes {
  sent(bytes: number): void;
  waiting(isWaiting: boolean): void;
}

const statusOf = (error: Error | DetailedError): number =>
  ("originalResponse" in error ? error.originalResponse?.getStatus() : undefined) ?? 0;

function readable(error: Error | DetailedError): Error {
  const answer = "originalResponse" in error ? error.originalResponse : null;
  if (!answer) return new Unreachable();
  return refusal(answer.getStatus(), answer.getBody(), new Headers());
}

const idIn = (url: string | null): string => url?.split("/").pop() ?? "";

// Resolves with the upload's id when the server has examined the song.
export async function transfer(file: File, owner: Owner, hopes: Hopes): Promise<string> {
  const tus = await import("tus-js-client");
  return new Promise((resolve, reject) => {
    const upload: Upload = new tus.Upload(file, {
      endpoint: address("/v1/uploads/resumable"),
      metadata: { filename: file.name, filetype: file.type },
      chunkSize: PART_BYTES,
      retryDelays: PAUSES_MS,
      removeFingerprintOnSuccess: true,
      onBeforeRequest: (request) => request.setHeader("X-CSRF-Token", csrfToken()),
      onShouldRetry: (error) => {
        const again = LATER.has(statusOf(error));
        hopes.waiting(again);
        return again;
      },
      onProgress: (sent) => {
        hopes.waiting(false);
        hopes.sent(sent);
      },
      onError: (error) => reject(readable(error)),
      onSuccess: () => resolve(idIn(upload.url)),
    });
    owner.hold(() => {
      void upload.abort();
      reject(new DOMException("given up", "AbortError"));
    });
    // Somebody who comes back online need not wait for the next try.
    owner.listen(window, "online", () => {
      void upload.abort().then(() => upload.start());
    });
    void goOn(upload);
  });
}

async function goOn(upload: Upload): Promise<void> {
  const [last] = await upload.findPreviousUploads();
  if (last !== undefined) upload.resumeFromPreviousUpload(last);
  upload.start();
}
