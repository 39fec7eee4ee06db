// What can go wrong between a server and a loudspeaker. A problem is a state with a way out, never
// silence.

export type ProblemKind =
  | "expired" // the link or the stems are past their time
  | "missing" // there is no such song, or it is somebody else's
  | "failed" // the song could not be separated, or was cancelled
  | "network" // the server did not answer, or answered that it cannot now
  | "damaged" // what came is not what was promised
  | "unsupported"; // this browser cannot decode or play it

export class PlayerError extends Error {
  readonly kind: ProblemKind;

  constructor(kind: ProblemKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "PlayerError";
    this.kind = kind;
  }
}

// The song is known but there is nothing to hear yet.
export class NotYet extends Error {
  readonly queued: boolean;

  constructor(queued: boolean) {
    super(queued ? "the song waits to be separated" : "the first seconds are being separated");
    this.name = "NotYet";
    this.queued = queued;
  }
}

export function asPlayerError(error: unknown): PlayerError {
  if (error instanceof PlayerError) return error;
  return new PlayerError("damaged", error instanceof Error ? error.message : String(error), {
    cause: error,
  });
}
