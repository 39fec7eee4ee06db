// The element that shows cards, as the cards know it.
import { wordsFor } from "../../api/errors";
import type { Job } from "./jobs";

export interface CardHost {
  // What went wrong with a card's last action.
  readonly troubles: Map<string, string>;
  // The card whose name is being changed.
  renaming: string | null;
  requestUpdate(): void;
}

// Runs what a button asks for; a refusal is shown on the card.
export async function act(host: CardHost, job: Job, does: () => Promise<unknown>): Promise<void> {
  host.troubles.delete(job.id);
  try {
    await does();
  } catch (error) {
    host.troubles.set(job.id, wordsFor(error));
  }
  host.requestUpdate();
}
